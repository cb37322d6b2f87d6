json='{"content-type": "application/json"}'
expect "typed input" "$(score typed '{"data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}' "$json" | jq -c '[.status, .body]')" '[200,"[0, 2]"]'
rows=$(jq -c '{data: .data, check: true}' examples/iris/training/answers.json)
expect "150 rows of LightGBM" "$(score typed "$rows" "$json" | jq '.body | fromjson | length')" 150
expect "a missing input" "$(score typed '{}' "$json" | jq .status)" 400
expect "Swagger" "$(call GET http://typed/swagger.json | jq -r '.body | fromjson | .paths["/score"].post.parameters[] | select(.in == "body") | .name')" "serviceInputPayload"
expect "a raw request" "$(call POST http://raw/score abc | jq -c '[.status, .body, .headers["x-size"]]')" '[201,"cba","3"]'
expect "texts" "$(score text '{"rows": [{"text": "a good cast"}, {"text": "awful, dull"}]}' '{"x-client": "me"}' | jq -r .body)" '{"labels": ["good", "bad"], "client": "me"}'
# A worker that ends or hangs: the pod and its other worker serve on.
expect "a script that ends its process" "$(call POST 'http://raw/score?what=end' x | jq .status)" 500
expect "a script that hangs" "$(call POST 'http://raw/score?what=hang' x '{}' patient | jq .status)" 504
for i in 1 2 3 4; do expect "the other worker" "$(call POST http://raw/score ab | jq .status)" 201; done
expect "restarts of the pod" "$(kubectl get pods -l penstock.dev/pipeline=raw -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}')" "0 0"
