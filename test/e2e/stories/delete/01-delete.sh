kubectl get all,configmaps,secrets,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers -o name | sort >"$HOME/before"
kubectl apply -f examples/iris/01-model.yaml
kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: iris, annotations: { penstock.dev/deleteKeys: "true" } }
spec:
  target: Production
  resources: { requests: { cpu: 50m } }
  models: [{ name: iris, modelVersion: iris-1 }]
Y
up_to_date iris
for kind in deployment service configmap secret networkpolicy pdb hpa; do
  eventually 20 bash -c "kubectl get $kind -o name | grep -q iris" || { echo "no $kind was made"; exit 1; }
done
kubectl delete -f examples/iris --timeout=60s
eventually 60 bash -c 'kubectl get all,configmaps,secrets,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers -o name | sort | diff "$HOME/before" -'
