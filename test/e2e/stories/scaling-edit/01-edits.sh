kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: steady }
spec:
  target: Production
  endpoint: { auth: { mode: None } }
  resources: { requests: { cpu: 20m, memory: 96Mi } }
  scaling: { minReplicas: 3, maxReplicas: 5 }
  scoring:
    script: |
      export async function init() {}
      export async function run(rawData) { return rawData; }
Y
up_to_date steady
revision=$(kubectl get ipl steady -o jsonpath='{.status.activeRevision}')
eventually 30 bash -c '[ "$(kubectl get ipl steady -o jsonpath="{.status.replicas.summary}")" = 3/3 ]'
eventually 20 kubectl get hpa "$revision"
pods() { kubectl get pods -l "penstock.dev/revision=$revision" -o jsonpath='{.items[*].metadata.uid}' | xargs -n1 | sort | xargs; }
before=$(pods)
# Watches the count for as long as the edits go on: it must never be below three.
(while sleep 0.2; do kubectl get deployment "$revision" -o jsonpath='{.spec.replicas}{"\n"}'; done) >"$HOME/counts" & watcher=$!
edit() { kubectl patch ipl steady --type=merge -p "{\"spec\": {\"scaling\": $1}}"; sleep 2; }
edit '{"maxReplicas": 8}'
edit '{"scaleDownDelay": "30s"}'
edit '{"metrics": [{"type": "CPU", "averageUtilization": 50}]}'
edit '{"minReplicas": 3, "maxReplicas": 3}'
edit '{"maxReplicas": 6}'
edit '{"minReplicas": 4}'
eventually 40 bash -c '[ "$(kubectl get ipl steady -o jsonpath="{.status.replicas.summary}")" = 4/4 ]'
kill $watcher
least=$(sort -n "$HOME/counts" | head -1); [ "$least" -ge 3 ] || { echo "the count fell to $least"; exit 1; }
for uid in $before; do case " $(pods) " in *" $uid "*) ;; *) echo "pod $uid was dropped"; exit 1 ;; esac; done
expect "revisions" "$(kubectl get ipl steady -o json | jq '.status.revisions | length')" 1
