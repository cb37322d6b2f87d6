# The pool is the node of the control plane, which has a taint.
model() { # SPEC.VERIFICATION
  kubectl apply --dry-run=client -o json -f examples/iris/01-model.yaml |
    jq --argjson verification "$1" '.items[1].spec.verification = $verification' | kubectl apply -f -
}
pool='"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}'
tolerations='"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}]'
node=$(KUBECONFIG=$ADMIN_KUBECONFIG kubectl get node -l node-role.kubernetes.io/control-plane -o name)

model "{$pool}"
waits() { expect "reason of the model" "$(kubectl get mver iris-1 -o jsonpath='{.status.conditions[0].reason}')" PodUnschedulable; }
eventually 60 waits
expect_contains "message of the model" "$(kubectl get mver iris-1 -o jsonpath='{.status.conditions[0].message}')" "untolerated taint"

model "{$pool, $tolerations}"
kubectl wait mver/iris-1 --for=condition=Ready --timeout=90s
expect_contains "where the model was verified" "$(kubectl get events -o jsonpath='{.items[?(@.reason=="Scheduled")].message}')" "to ${node#node/}"

kubectl apply --dry-run=client -o json -f examples/iris/00-pipeline.yaml |
  jq --argjson placement "{$pool, $tolerations}" '.spec.placement = $placement' | kubectl apply -f -
up_to_date iris
serves iris
expect "node of the pod" "node/$(kubectl get pods -l penstock.dev/pipeline=iris -o jsonpath='{.items[0].spec.nodeName}')" "$node"
