up_to_date iris
serves iris
expect "verification Jobs" "$(kubectl get jobs -o name)" ""
