kubectl apply -f examples/iris/01-model.yaml -f examples/npm-packages/
up_to_date checked
