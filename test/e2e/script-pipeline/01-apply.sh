kubectl apply -f examples/iris/01-model.yaml -f examples/iris-script/pipeline.yaml
kubectl wait ipl/iris-script --for=condition=UpToDate --timeout=60s
