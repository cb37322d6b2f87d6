eventually 20 bash -c '[ "$(kubectl get deployments -o name | wc -l)" = 1 ]' # the revision that never served has no pods any more
expect_contains "kubectl get ipl" "$(kubectl get ipl iris)" "ENOENT: no such file or directory, open '/models/weights.bin' (score.ts:3:"
# Going back is one edit, and takes no new pod.
kubectl patch ipl iris --type=json -p '[{"op": "remove", "path": "/spec/scoring"}]'
up_to_date iris
expect "Stalled" "$(condition iris Stalled status)" False
serves iris
