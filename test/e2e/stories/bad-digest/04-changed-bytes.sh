serves iris
# The registered bytes are overwritten: a new pod refuses them, the running one serves on.
kubectl create configmap iris-model --from-literal=iris.onnx=tampered --dry-run=client -o yaml | kubectl replace -f -
kubectl apply -f - <<'Y'
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: iris }
spec:
  target: Development
  models: [{ name: iris, modelVersion: iris-1 }]
  environment: { variables: [{ name: NEW, value: pod }] }
Y
# The step before ended with the same reason; and between two tries of a container there is none for a moment.
refused() { expect_contains "message" "$(condition iris UpToDate message)" "the bytes changed" && expect "reason" "$(condition iris UpToDate reason)" DigestMismatch; }
eventually 60 refused
serves iris
