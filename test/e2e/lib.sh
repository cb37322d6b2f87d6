# What the stories' shell steps share. kubectl is a namespace admin here, in the story's own namespace; one client pod asks for all stories.

# eventually SECONDS COMMAND…: runs it until it succeeds; its last output is shown when it never does.
eventually() {
  local until=$((SECONDS + $1)) output; shift
  until output=$("$@" 2>&1); do
    [ $SECONDS -lt $until ] || { echo "never succeeded: $*"; echo "$output"; return 1; }
    sleep 1
  done
}
# call METHOD URL [BODY] [HEADERS]: one request from inside the cluster, as JSON {status, headers, body}.
call() { client /client/client.mjs --in "$NAMESPACE" request "$@"; }
# load URL BODY SECONDS PER_SECOND [HEADERS]: a steady load, as JSON {sent, ok, failures, revisions}.
load() { client /client/client.mjs --in "$NAMESPACE" load "$@"; }
end_load() { client /client/client.mjs --in "$NAMESPACE" end; }
# client ARGUMENTS…: node in the client pod.
client() { KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$CLIENT_NAMESPACE" exec -i client -- /usr/local/bin/node "$@"; }
# score PIPELINE BODY [HEADERS]
score() { call POST "http://$1/score" "$2" "${3:-{\}}"; }
# up_to_date PIPELINE: waits for the documented condition, and then for the nodes to route to the new Service (a second or so).
up_to_date() {
  kubectl wait "inferencepipeline/$1" --for=condition=UpToDate --timeout=90s
  eventually 15 reachable "$1"
}
reachable() { expect "GET http://$1/" "$(call GET "http://$1/" | jq .status)" 200; }
condition() { kubectl get ipl "$1" -o jsonpath="{.status.conditions[?(@.type==\"$2\")].$3}"; }
# expect WHAT HAVE WANT
expect() { [ "$2" = "$3" ] || { echo "$1: have $2, want $3"; return 1; }; }
# expect_contains WHAT HAVE PART
expect_contains() { case $2 in *"$3"*) ;; *) echo "$1: \"$2\" does not contain \"$3\""; return 1 ;; esac; }
# serves PIPELINE: the pipeline answers an iris row with class 0.
serves() { expect "answer of $1" "$(score "$1" '{"data": [[5.1, 3.5, 1.4, 0.2]]}' | jq -r '.status, (.body | fromjson | .label[0])' | xargs)" "200 0"; }
