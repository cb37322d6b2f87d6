kubectl apply -f examples/iris/01-model.yaml -f examples/iris-script/pipeline.yaml
up_to_date iris-script
