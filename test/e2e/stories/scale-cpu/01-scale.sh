kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: busy }
spec:
  target: Development
  resources: { requests: { cpu: 50m, memory: 96Mi }, limits: { cpu: 200m } }
  scaling: { minReplicas: 1, maxReplicas: 3, metrics: [{ type: CPU, averageUtilization: 60 }], scaleDownDelay: 5s }
  endpoint: { maxQueueWait: 4s } # a tenth of a core is soon busy; this is about pods, not about 429
  scoring:
    script: |
      export async function init() {}
      export async function run() { const end = Date.now() + 10; while (Date.now() < end); return 1; }
Y
up_to_date busy
count() { kubectl get ipl busy -o jsonpath='{.status.replicas.ready}'; }
expect "at first" "$(count)" 1
load http://busy/score x 60 15 >"$HOME/load" & pid=$!
eventually 90 bash -c '[ "$(kubectl get ipl busy -o jsonpath="{.status.replicas.ready}")" -ge 2 ]'
expect_contains "why" "$(kubectl get ipl busy -o wide)" "% of 60% target → "
wait $pid
expect "failures" "$(jq -c .failures "$HOME/load")" "{}"
eventually 120 bash -c '[ "$(kubectl get ipl busy -o jsonpath="{.status.replicas.desired}")" = 1 ]'
