KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" create quota tight --hard=requests.memory=40Mi
eventually 20 bash -c 'kubectl get quota tight -o jsonpath="{.status.used}" | grep -q memory'
kubectl apply -f examples/iris/01-model.yaml
