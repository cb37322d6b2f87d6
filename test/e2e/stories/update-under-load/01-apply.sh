# UPDATES updates (3), one after the other, under RATE requests a second (300) on kept and on new connections.
updates=${UPDATES:-3} rate=${RATE:-300}
version() { kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: greeter }
spec:
  target: Development
  scaling: { minReplicas: 2, maxReplicas: 2 }
  endpoint: { maxQueueWait: 4s } # a shared machine stalls now and then: then 429 would be right, and is not what this is about
  scoring:
    script: |
      export async function init() {}
      export async function run(rawData) { return { version: $1, rawData }; }
Y
}
active() { kubectl get ipl greeter -o jsonpath='{.status.activeRevision}'; }
serving() { [ "$(kubectl get ipl greeter -o json | jq -r '"\(.status.observedGeneration) \(.status.conditions[] | select(.type == "UpToDate").status)"')" = "$1 True" ]; }
answers() { expect "answer" "$(score greeter hi | jq -r '.body | fromjson | .version')" "$1"; }

version 1
up_to_date greeter
served=("$(active)")
load http://greeter/score hello 600 "$rate" >"$HOME/load" & pid=$!
trap end_load ERR
for i in $(seq 2 $((updates + 1))); do
  sleep 3; version "$i"
  eventually 30 serving "$i"
  eventually 5 answers "$i" # the nodes need a moment until they route to the new pods
  served+=("$(active)")
done
first=${served[0]} before=${served[-2]} last=${served[-1]}
sleep 3; kubectl rollout restart "deployment/$last" >/dev/null # left alone: neither healed away nor harmful
sleep 8; trap - ERR; end_load
wait $pid
summary=$(cat "$HOME/load"); echo "$summary"
expect "failures" "$(jq -c .failures <<<"$summary")" "{}"
[ "$(jq '.perSecond' <<<"$summary")" -gt $((rate * 8 / 10)) ] || { echo "the load was too thin: $summary"; exit 1; }
expect "revisions that served" "$(jq '.revisions | length' <<<"$summary")" $((updates + 1))
[ "$(jq ".revisions[\"$first\"]" <<<"$summary")" -gt "$rate" ] && [ "$(jq ".revisions[\"$last\"]" <<<"$summary")" -gt "$rate" ] || { echo "both ends should have served: $summary"; exit 1; }
# The history keeps the last 20: each served until the next did.
want=$(for revision in "${served[@]::updates}"; do echo "$revision true"; done; echo "$last false")
expect "history" "$(kubectl get ipl greeter -o json | jq -r '.status.history[] | "\(.revision) \(.to != null)"')" "$(tail -n 20 <<<"$want")"
# The old revision is its ConfigMap and nothing else.
eventually 40 bash -c "names=\$(kubectl get deployments,services -o name) && ! grep -q '$before' <<<\"\$names\""
kubectl get configmap "$before" -o name
