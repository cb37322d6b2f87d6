up_to_date iris
serves iris
mounts=$(kubectl get pods -l penstock.dev/pipeline=iris -o json | jq -c '.items[0].spec | {fetch: [.initContainers[].volumeMounts[].name], scorer: [.containers[].volumeMounts[].name]}')
expect "who sees the credentials" "$(jq -c '[(.fetch | index("secret-iris") != null), (.scorer | index("secret-iris") != null)]' <<<"$mounts")" "[true,false]"
