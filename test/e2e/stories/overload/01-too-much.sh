kubectl apply -f - <<'Y'
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: busy }
spec:
  target: Development
  endpoint: { maxConcurrentRequests: 2, maxQueueWait: 200ms, requestTimeout: 1s }
  scoring:
    script: |
      export const init = () => {};
      export async function run(rawData) {
        while (rawData === 'loop');
        await new Promise((resolve) => setTimeout(resolve, 100));
        return 'done';
      }
Y
up_to_date busy
load http://busy/score hello 15 60 >"$HOME/load"
summary=$(cat "$HOME/load"); echo "$summary"
expect "failures other than 429" "$(jq '[.failures | keys[] | select(startswith("429 ") | not)] | length' <<<"$summary")" 0
[ "$(jq .ok <<<"$summary")" -gt 150 ] && [ "$(jq '.sent - .ok' <<<"$summary")" -gt 100 ] || { echo "neither a real overload nor real work: $summary"; exit 1; }
expect "restarts" "$(kubectl get pods -l penstock.dev/pipeline=busy -o jsonpath='{.items[*].status.containerStatuses[0].restartCount}')" 0
