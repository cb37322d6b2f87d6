kubectl create configmap iris-model --from-file=examples/iris/training/iris.onnx --dry-run=client -o yaml | kubectl replace -f -
kubectl wait mver/iris-1 --for=condition=Ready --timeout=90s
expect "digest" "$(kubectl get mver iris-1 -o jsonpath='{.status.digest}')" "sha256:$(sha256sum <examples/iris/training/iris.onnx | cut -d' ' -f1)"
up_to_date iris
serves iris
