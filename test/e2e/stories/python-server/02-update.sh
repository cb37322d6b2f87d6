. "$STORY/version.sh"
load http://own/score hello 600 30 >"$HOME/load" & pid=$!
trap end_load ERR
sleep 2
version 2
eventually 120 answers 2
up_to_date own
sleep 8; trap - ERR; end_load
wait $pid
expect "failures" "$(jq -c .failures "$HOME/load")" "{}"
expect "revisions that served" "$(jq '.revisions | length' "$HOME/load")" 2
expect "warnings of its hook" "$(kubectl get events -o json | jq '[.items[] | select(.reason == "FailedPreStopHook")] | length')" 0
