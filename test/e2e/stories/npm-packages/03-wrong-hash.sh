lock=$(kubectl get configmap checked-score -o jsonpath='{.data.package-lock\.json}' | sed 's/sha512-[^"]*/sha512-AAAA/')
kubectl patch configmap checked-score --type=merge -p "$(jq -n --arg lock "$lock" '{data: {"package-lock.json": $lock}}')"
eventually 60 bash -c '[ "$(kubectl get ipl checked -o jsonpath="{.status.conditions[?(@.type==\"UpToDate\")].reason}")" = PackageHashMismatch ]' || { kubectl get ipl checked; return 1; }
expect_contains "message" "$(condition checked UpToDate message)" "the registry has other bytes of "
expect "the old revision" "$(score checked '{"data": [[5.1, 3.5, 1.4, 0.2]]}' | jq .status)" 200
