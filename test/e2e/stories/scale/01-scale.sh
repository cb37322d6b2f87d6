# Each request waits a fifth of a second and as long as the machine makes it: 12 a second are 2.4 under way and more. The
# ideal is 3 pods; on a machine that stalls the autoscaler may see a little more than 3, and then one pod more is right.
kubectl apply -f - <<Y
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: busy }
spec:
  target: Development
  resources: { requests: { cpu: 20m, memory: 96Mi } }
  scaling: { maxReplicas: 4, metrics: [{ type: Concurrency, averageValue: 1 }], scaleDownDelay: 10s }
  endpoint: { maxQueueWait: 4s } # a shared machine stalls now and then; this is about pods, not about 429
  scoring:
    script: |
      export async function init() {}
      export async function run() { await new Promise((resolve) => setTimeout(resolve, 200)); return 1; }
Y
up_to_date busy
field() { kubectl get ipl busy -o jsonpath="{.status.replicas.$1}"; }
is() { expect "$1" "$(field "$1")" "$2"; }
is ready 1
ideal() { case $(field "$1") in 3 | 4) ;; *) echo "$1: have $(field "$1"), want 3, or one more"; return 1 ;; esac; }
load http://busy/score x 75 12 >"$HOME/load" & pid=$!
eventually 60 ideal ready
# The same values, read by an account with the role view.
kubectl get --raw "/apis/custom.metrics.k8s.io/v1beta2/namespaces/$NAMESPACE/pods/*/penstock_concurrency?labelSelector=penstock.dev/pipeline%3Dbusy" |
  jq -e '.items | length >= 3 and all(.[]; .describedObject.kind == "Pod" and (.value | test("^[0-9]+m$")))'
eventually 20 expect_contains "why" "$(kubectl get ipl busy -o wide)" "of 1 target → $(field desired) replicas"
wait $pid
expect "failures" "$(jq -c .failures "$HOME/load")" "{}"
ideal desired
eventually 60 is desired 1
expect_contains "why" "$(kubectl get ipl busy -o wide)" "→ 1 replica, the minimum"
# There are no warnings.
expect "warnings of the autoscaler" "$(kubectl get events --field-selector type=Warning,involvedObject.kind=HorizontalPodAutoscaler -o json | jq -c '[.items[] | .message]')" "[]"
