serves iris
KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" patch quota tight -p '{"spec": {"hard": {"requests.memory": "2Gi"}}}'
kubectl wait ipl/iris --for=condition=UpToDate --timeout=120s
serves iris
