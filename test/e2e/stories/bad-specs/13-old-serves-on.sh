serves iris
KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" patch quota tight -p '{"spec": {"hard": {"requests.memory": "2Gi"}}}'
up_to_date iris
serves iris
