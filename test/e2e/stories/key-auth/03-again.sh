# A pipeline that is deleted and made again has its keys.
before=$(kubectl get secret echo-keys -o jsonpath='{.data}')
kubectl delete ipl echo --wait
kubectl apply -f "$STORY/01-apply.yaml"
up_to_date echo
expect "the keys" "$(kubectl get secret echo-keys -o jsonpath='{.data}')" "$before"
key() { kubectl get secret echo-keys -o jsonpath="{.data.$1}" | base64 -d; }
expect "the old key" "$(score echo '{}' "{\"authorization\": \"Bearer $(key secondaryKey)\"}" | jq .status)" 200
