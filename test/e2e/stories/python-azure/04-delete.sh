kubectl delete -f examples/azure-score-py/
