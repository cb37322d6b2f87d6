expect "a loop is answered" "$(score busy loop | jq .status)" 504
eventually 60 bash -c 'kubectl get pods -l penstock.dev/pipeline=busy -o jsonpath="{.items[*].status.containerStatuses[0].lastState.terminated.message}" | grep -q "^ScriptHung: a call has not come back for 30 s"'
eventually 30 bash -c '[ "$(kubectl get ipl busy -o jsonpath="{.status.replicas.summary}")" = 1/1 ]'
eventually 15 reachable busy
expect "and serves again" "$(score busy hello | jq -r .body)" '"done"'
