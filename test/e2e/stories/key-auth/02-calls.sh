up_to_date echo
key() { kubectl get secret echo-keys -o jsonpath="{.data.$1}" | base64 -d; }
with() { printf '{"authorization": "Bearer %s"}' "$1"; }
said=$(score echo '{}'); expect "without a key" "$(jq -r '.status, .headers["www-authenticate"]' <<<"$said" | xargs)" "401 Bearer"
expect_contains "without a key" "$(jq -r .body <<<"$said")" "Authorization: Bearer <key>"
expect "wrong key" "$(score echo '{}' "$(with wrong)" | jq .status)" 401
expect "V2 without a key" "$(call GET http://echo/v2 | jq .status)" 401
expect "health needs none" "$(call GET http://echo/ | jq -r .body)" Healthy
for slot in primaryKey secondaryKey; do expect "$slot" "$(score echo '{}' "$(with "$(key $slot)")" | jq -r '.body | fromjson | .got')" '{}'; done
# Production shows no stack, and says which request it was.
said=$(score echo fail "$(with "$(key primaryKey)")")
expect "run() threw" "$(jq -r '.status, .headers["x-ms-run-function-failed"]' <<<"$said" | xargs)" "500 True"
expect "body" "$(jq -r .body <<<"$said")" '{"message":"An unexpected error occurred in scoring script. Check the logs for more info."}'
expect_contains "the log has it" "$(kubectl logs -l penstock.dev/pipeline=echo -c scorer --tail=50)" "a secret detail"
# Pods hold hashes only.
objects=$(kubectl get pods,configmaps -o yaml)
primary=$(key primaryKey)
case "$objects" in *"$primary"*) echo "a pod or ConfigMap holds the key itself"; exit 1 ;; esac
# A leaked key is closed, and a key out of a file with a line break at its end opens.
leaked=$primary
new=$(printf 'n%.0s' {1..40})
kubectl patch secret echo-keys -p "{\"data\": {\"primaryKey\": \"$(echo "$new" | base64 -w0)\"}}"
answers() { expect "$1" "$(score echo '{}' "$(with "$1")" | jq .status)" "$2"; }
eventually 20 answers "$leaked" 401
answers "$new" 200
answers "$(key secondaryKey)" 200
