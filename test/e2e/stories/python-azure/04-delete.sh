kubectl delete -f examples/azure-score-py/
kubectl delete pvc packages --timeout=60s
