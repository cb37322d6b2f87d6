expect "an answer" "$(score checked '{"data": [[5.1, 3.5, 1.4, 0.2]]}' | jq -r '.status, (.body | fromjson | .[0].name)' | xargs)" "200 setosa"
expect "a body that zod refuses" "$(score checked '{"data": [[1]]}' | jq .status)" 400
