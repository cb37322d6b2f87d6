expect_contains "kubectl get mver -o wide" "$(kubectl get modelversions -o wide)" "DynamicQuantizeLinear takes one scale over all rows"
up_to_date text
expect "texts" "$(score text '{"data": ["GOOD movie", "Awful"]}' | jq -r '.body | fromjson | .label | join(" ")')" "pos neg"
up_to_date flowers
expect "a data frame in another order" "$(call POST "http://flowers/invocations" '{"dataframe_records": [{"petal width": 0.2, "petal length": 1.4, "sepal width": 3.5, "sepal length": 5.1}]}' '{"content-type": "application/json"}' | jq -r '.body | fromjson | .predictions | "\(.output_label[0]) \(.classes | join(" "))"')" "setosa setosa versicolor virginica"
expect "a feature that is missing" "$(call POST "http://flowers/invocations" '{"dataframe_records": [{"petal width": 0.2}]}' '{"content-type": "application/json"}' | jq .status)" 400
