kubectl apply -f examples/azure-score-py/
kubectl wait inferencepipeline/flowers --for=condition=UpToDate --timeout=240s
up_to_date flowers
