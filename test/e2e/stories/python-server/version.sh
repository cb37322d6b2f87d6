packages=$(KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n e2e-packages get deployment packages -o jsonpath='{.spec.template.spec.containers[0].image}')
# version NUMBER: the pipeline with another variable, and so another revision.
version() { kubectl apply -f - <<YAML
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: own }
spec:
  target: Development
  models: [{ name: code, modelVersion: code-1 }]
  scaling: { minReplicas: 1, maxReplicas: 1 }
  endpoint: { maxQueueWait: 4s, initTimeout: 90s }
  resources: { requests: { cpu: 50m, memory: 128Mi } }
  environment:
    image: $packages
    variables: [{ name: VERSION, value: "$1" }, { name: PYTHONPATH, value: /tmp/packages }]
    server: { port: 5001, command: [python3], args: [/var/azureml-app/azureml-models/code/start.py] }
YAML
}
answers() { expect "answer" "$(score own hi | jq -r '.body | fromjson | "\(.version) \(.data)"')" "$1 hi"; }
