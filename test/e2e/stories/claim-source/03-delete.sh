kubectl delete ipl --all --timeout=60s
kubectl delete mver --all --timeout=60s
kubectl delete pod writer --timeout=60s
kubectl delete pvc models --timeout=60s
