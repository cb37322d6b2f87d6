. "$STORY/model.sh"
reason() { kubectl get mver "$1" -o jsonpath='{.status.conditions[0].reason}: {.status.conditions[0].message}'; }
says() { expect_contains "$1" "$(reason "$1")" "$2"; }
model no-path "pvc://models/$NAMESPACE/v9"
eventually 60 says no-path "ResourceNotReady: pvc://models/$NAMESPACE/v9: $NAMESPACE/v9 is not there"
model no-claim pvc://nowhere/v1
eventually 60 says no-claim 'PodUnschedulable: 0/3 nodes are available: persistentvolumeclaim "nowhere" not found'
serves iris
