KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" apply -f - <<Y
apiVersion: v1
kind: LimitRange
metadata: { name: small }
spec:
  limits:
    - type: Container
      max: { cpu: 500m, memory: 256Mi }
      maxLimitRequestRatio: { cpu: "4" }
Y
injected() { { kubectl run probe --image=probe --dry-run=server 2>&1 || true; } | grep istio-proxy; } # the refusal names the containers
eventually 30 injected
kubectl apply -f examples/iris/01-model.yaml
