# model NAME URI: a version of the model iris.
model() { kubectl apply -f - <<YAML
apiVersion: penstock.dev/v1alpha1
kind: ModelVersion
metadata: { name: $1 }
spec: { model: iris, version: $1, format: ONNX, source: { uri: "$2" } }
YAML
}
