version() { kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: greeter }
spec:
  target: Development
  scaling: { minReplicas: 5, maxReplicas: 5 }
  resources: { requests: { cpu: 10m, memory: 96Mi } }
  endpoint: { maxQueueWait: 4s } # a shared machine stalls now and then: then 429 would be right, and is not what this is about
  ${2:-}
  scoring:
    script: |
      export async function init() {}
      export async function run(rawData) { return { version: $1 }; }
Y
}
serves() { expect "answer" "$(score greeter hi | jq -r '.body | fromjson | .version')" "$1"; }
up_to_date() { kubectl wait ipl/greeter --for=condition=UpToDate --timeout=170s; }

version 1
up_to_date
KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" create quota tight --hard=pods=6
eventually 20 bash -c 'kubectl get quota tight -o jsonpath="{.status.used}" | grep -q pods'
eventually 15 serves 1
load http://greeter/score hello 600 30 >"$HOME/load" & pid=$!
trap end_load ERR
version 2
up_to_date
eventually 15 serves 2
eventually 60 bash -c '[ "$(kubectl get ipl greeter -o jsonpath="{.status.replicas.summary}")" = 5/5 ]'
KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$NAMESPACE" delete quota tight
version 3 "rollout: { maxSurge: 1 }"
pods() { kubectl get pods -l penstock.dev/pipeline=greeter -o json | jq '[.items[] | select(.metadata.deletionTimestamp == null)] | length'; }
up() { pods >>"$HOME/pods"; kubectl wait ipl/greeter --for=condition=UpToDate --timeout=1s; }
eventually 170 up
expect "most pods at the same time" "$(sort -n "$HOME/pods" | tail -n 1)" 6
eventually 60 bash -c '[ "$(kubectl get ipl greeter -o jsonpath="{.status.replicas.summary}")" = 5/5 ]'
eventually 15 serves 3
sleep 8; trap - ERR; end_load
wait $pid
summary=$(cat "$HOME/load"); echo "$summary"
expect "failures" "$(jq -c .failures <<<"$summary")" "{}"
expect "revisions that served" "$(jq '.revisions | length' <<<"$summary")" 3
