refused() { # SENTENCE BODY PATH
  local said; said=$(call POST "http://iris$3" "$2")
  expect "status of $2" "$(jq .status <<<"$said")" 400
  expect_contains "answer to $2" "$(jq -r .body <<<"$said")" "$1"
}
refused 'the body is not JSON' 'hello' /score
refused 'the body is empty, expected JSON' '' /score
refused 'expected {\"data\": rows} with X: FP32[-1,4]' '[1, 2]' /score
refused 'input X is missing' '{}' /score
refused 'unknown input rows' '{"rows": [[1, 2, 3, 4]]}' /score
refused 'input X has the shape [1,3]' '{"data": [[1, 2, 3]]}' /score
refused 'input X[1] has 3 values, the first has 4' '{"data": [[1, 2, 3, 4], [1, 2, 3]]}' /score
refused 'input X has \"one\" at place 0, which is not FP32' '{"data": [["one", 2, 3, 4]]}' /score
refused 'inputs[0].data has 3 values, shape [1,4] needs 4' '{"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3]}]}' /v2/models/iris/infer
refused 'inputs[0].datatype is INT8, X is FP32' '{"inputs": [{"name": "X", "shape": [1, 4], "datatype": "INT8", "data": [1, 2, 3, 4]}]}' /v2/models/iris/infer
expect "unknown model" "$(call POST http://iris/v2/models/rose/infer '{}' | jq .status)" 404
serves iris
expect "restarts" "$(kubectl get pods -l penstock.dev/pipeline=iris -o jsonpath='{.items[*].status.containerStatuses[0].restartCount}')" 0
