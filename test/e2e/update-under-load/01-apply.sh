version() { kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: greeter }
spec:
  target: Development
  scaling: { minReplicas: 2, maxReplicas: 2 }
  scoring:
    script: |
      export async function init() {}
      export async function run(rawData) { return { version: $1, rawData }; }
Y
}
version 1
up_to_date greeter
first=$(kubectl get ipl greeter -o jsonpath='{.status.activeRevision}')
load http://greeter/score hello 40 25 >"$HOME/load" & pid=$!
sleep 3; version 2
eventually 30 bash -c '[ "$(kubectl get ipl greeter -o jsonpath="{.status.observedGeneration} {.status.conditions[?(@.type==\"UpToDate\")].status}")" = "2 True" ]'
second=$(kubectl get ipl greeter -o jsonpath='{.status.activeRevision}')
expect "answer" "$(score greeter hi | jq -r '.body | fromjson | .version')" 2
sleep 8; kubectl rollout restart "deployment/$second" >/dev/null # left alone: neither healed away nor harmful
wait $pid
summary=$(cat "$HOME/load"); echo "$summary"
expect "failures" "$(jq -c .failures <<<"$summary")" "{}"
[ "$(jq .sent <<<"$summary")" -gt 500 ] || { echo "the load was too thin: $summary"; exit 1; }
[ "$(jq ".revisions[\"$first\"]" <<<"$summary")" -gt 50 ] && [ "$(jq ".revisions[\"$second\"]" <<<"$summary")" -gt 50 ] || { echo "both revisions should have served: $summary"; exit 1; }
expect "history" "$(kubectl get ipl greeter -o json | jq -r '[.status.history[] | .revision, (.to != null)] | map(tostring) | join(" ")')" "$first true $second false"
# The old revision is its ConfigMap and nothing else.
eventually 40 bash -c "[ \"\$(kubectl get deployments,services -o name | grep -c '$first')\" = 0 ]"
kubectl get configmap "$first" -o name
