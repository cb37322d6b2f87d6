# The digest is what sha256sum says of what sha256sum says.
cd "$HOME"
for file in model.onnx weights.bin; do kubectl get configmap linear-1 -o jsonpath="{.binaryData.${file/./\\.}}" | base64 -d >"$file"; done
want="sha256:$(sha256sum model.onnx weights.bin | sha256sum | cut -d' ' -f1)"
up_to_date linear
expect "digest" "$(kubectl get mver linear-1 -o jsonpath='{.status.digest}')" "$want"
expect "answer" "$(score linear '{"data": [[1, 1], [0, 2]]}' | jq -c '.body | fromjson')" '{"y":[[14,26],[16,28]]}'
