# Pods of another revision have the same packages.
active() { kubectl get ipl flowers -o jsonpath='{.status.activeRevision}'; }
first=$(active)
kubectl annotate ipl flowers penstock.dev/restartedAt=now
moved() { [ "$(active)" != "$first" ]; }
eventually 120 moved
up_to_date flowers
expect_contains "log of install" "$(kubectl logs -l penstock.dev/revision="$(active)" -c install)" "took the packages from the cache"
expect "another answer" "$(score flowers '{"data": [[5.1, 3.5, 1.4, 0.2]]}' | jq .status)" 200
