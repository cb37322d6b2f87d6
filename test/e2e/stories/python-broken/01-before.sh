kubectl create configmap score --from-literal=good.py='def init(): pass
def run(data): return "good"' --from-literal=broken.py='import json


def init():
    weights = "/models/weights.bin"
    open(weights)


def run(data):
    return 1'
kubectl apply -f - <<'YAML'
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: py }
spec:
  target: Production
  scaling: { minReplicas: 1, maxReplicas: 1 }
  endpoint: { auth: { mode: None } }
  scoring: { scriptFrom: { configMap: { name: score, key: good.py } } }
  resources: { requests: { cpu: 50m, memory: 64Mi } }
YAML
up_to_date py
expect "answer" "$(score py x | jq -r .body)" '"good"'
