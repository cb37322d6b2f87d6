. test/e2e/serve-iris.sh
kubectl patch ipl iris --type=merge -p '{"spec": {"scoring": {"test": {"request": "{\"data\": [[5.1, 3.5, 1.4, 0.2]]}", "expect": "{\"label\": [0]}"}}}}'
up_to_date iris
serves iris
