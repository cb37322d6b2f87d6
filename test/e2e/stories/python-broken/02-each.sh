# fails REASON MESSAGE PATCH: the condition says so in one line, and the old revision serves on.
fails() {
  kubectl patch ipl py --type=merge -p "$3"
  eventually 60 bash -c '[ "$(kubectl get ipl py -o jsonpath="{.status.conditions[?(@.type==\"UpToDate\")].reason}")" = '"$1"' ]' || { kubectl get ipl py; return 1; }
  expect_contains "message" "$(condition py UpToDate message)" "$2"
  expect "the old revision" "$(score py x | jq -r .body)" '"good"'
}
packages() { echo "{\"spec\": {\"environment\": {\"packages\": {\"python\": {\"requirements\": \"$1\"}}}}}"; }
zeros=$(printf '0%.0s' $(seq 64))
fails UserScriptInitFailed "FileNotFoundError: [Errno 2] No such file or directory: '/models/weights.bin' (broken.py:6)" '{"spec": {"scoring": {"scriptFrom": {"configMap": {"key": "broken.py"}}}}}'
kubectl patch ipl py --type=merge -p '{"spec": {"scoring": {"scriptFrom": {"configMap": {"key": "good.py"}}}}}'
fails InvalidSpec '"numpy" has no version with a hash, which target Production needs: run `penstock lock`' "$(packages numpy)"
fails PackageHashMismatch "the index has other bytes than the lock says" "$(packages "joblib==1.6.0 --hash=sha256:$zeros")"
fails PackageNotFound "the index has no such package, version or wheel for this Python" "$(packages "nowhere==1 --hash=sha256:$zeros")"
fails InvalidSpec "there is no image for Python 3.6, but for 3.11" '{"spec": {"environment": {"packages": {"python": {"version": "3.6", "requirements": null}}}}}'
fails ImagePullLoopBackOff "127.0.0.1:1/team/science" '{"spec": {"environment": {"packages": null, "image": "127.0.0.1:1/team/science:1"}}}'
