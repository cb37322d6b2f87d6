kubectl apply -f examples/iris/01-model.yaml -f examples/iris/02-pipeline.yaml
up_to_date iris
