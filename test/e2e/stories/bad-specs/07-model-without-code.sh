kubectl apply -f - <<'Y'
apiVersion: penstock.dev/v1alpha1
kind: ModelVersion
metadata: { name: iris-files }
spec: { model: iris, version: files, format: Files, source: { uri: configmap://iris-model/iris.onnx } }
Y
kubectl wait mver/iris-files --for=condition=Ready --timeout=60s
