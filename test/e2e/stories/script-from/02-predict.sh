eventually 30 bash -c 'kubectl get ipl named | grep -q "ModelVersion iris-1 does not exist"'
kubectl apply -f examples/iris/01-model.yaml
up_to_date named
expect "answer" "$(score named '{"data": [[5.1, 3.5, 1.4, 0.2], [6.5, 3, 5.5, 1.8]]}' '{"x-from": "a story"}' | jq -r '.body | fromjson | "\(.names | join(" ")) \(.dir) \(.from) \(.word)"')" \
  "setosa virginica /var/azureml-app/azureml-models a story hidden"
kubectl patch configmap scoring --type=merge -p '{"data": {"labels.ts": "export const labels = [\"A\", \"B\", \"C\"];"}}'
eventually 60 bash -c '. test/e2e/lib.sh; [ "$(score named "{\"data\": [[5.1, 3.5, 1.4, 0.2]]}" | jq -r ".body | fromjson | .names[0]")" = A ]'
expect "revisions" "$(kubectl get ipl named -o json | jq '.status.history | length')" 2
