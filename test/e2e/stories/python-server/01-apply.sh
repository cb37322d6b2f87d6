. "$STORY/version.sh"
kubectl create configmap code --from-file="$STORY/server"
kubectl apply -f - <<'YAML'
apiVersion: penstock.dev/v1alpha1
kind: ModelVersion
metadata: { name: code-1 }
spec: { model: code, version: "1", format: Files, source: { uri: configmap://code } }
YAML
version 1
up_to_date own
answers 1
expect "a query, as Azure ML's server reads it" "$(call GET 'http://own/score?a=1' | jq -r '.body | fromjson | .data')" '{"a": 1}'
expect "lines of kubectl logs" "$(kubectl logs -l penstock.dev/pipeline=own --tail=-1 | grep -c 'the model is in /var/azureml-app/azureml-models/code')" 1
expect_contains "image in the status" "$(kubectl get ipl own -o jsonpath='{.status.environment.image}')" penstock/packages
