# One after the other, because each installs its packages on the nodes of this machine.
kubectl create configmap scripts --from-file=test/e2e/stories/python-environment/scripts
for script in raw typed text; do
  kubectl apply -f - <<YAML
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: $script }
spec:
  target: Development
  scoring: { scriptFrom: { configMap: { name: scripts, key: $script.py } } }
  environment:
    variables: [{ name: WORKER_COUNT, value: "$([ $script = raw ] && echo 2 || echo 1)" }]
    packages: { python: { requirementsFrom: { configMap: { name: scripts, key: $script.txt } } } }
  endpoint: { requestTimeout: 10s }
  resources: { requests: { cpu: 50m, memory: 256Mi }, limits: { memory: 1Gi } }
YAML
  kubectl wait inferencepipeline/$script --for=condition=UpToDate --timeout=240s
  up_to_date $script
done
