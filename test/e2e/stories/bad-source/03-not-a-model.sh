kubectl create configmap iris-model --from-literal=iris.onnx='this is no model'
eventually 60 bash -c '[ "$(kubectl get mver iris-1 -o jsonpath="{.status.conditions[0].reason}")" = ModelLoadFailed ]'
expect_contains "message" "$(kubectl get mver iris-1)" "iris.onnx is not an ONNX model: its bytes cannot be read"
expect "pinned digest" "$(kubectl get mver iris-1 -o jsonpath='{.status.digest}')" ""
