kubectl apply -f examples/iris/01-model.yaml -f examples/iris/02-pipeline.yaml
kubectl wait inferencepipeline/iris --for=condition=UpToDate --timeout=60s
