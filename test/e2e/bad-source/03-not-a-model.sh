kubectl create configmap iris-model --from-literal=iris.onnx='this is no model'
eventually 60 bash -c '[ "$(kubectl get mver iris-1 -o jsonpath="{.status.conditions[0].reason}")" = ModelLoadFailed ]'
expect_contains "message" "$(kubectl get mver iris-1)" "iris.onnx is not a model that ONNX Runtime can load"
expect "pinned digest" "$(kubectl get mver iris-1 -o jsonpath='{.status.digest}')" ""
