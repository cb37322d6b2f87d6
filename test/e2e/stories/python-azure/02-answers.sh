answers=examples/azure-score-py/training/answers.json
client -e '
const answers = JSON.parse(require("fs").readFileSync(0));
(async () => {
  let right = 0;
  for (const [i, row] of answers.data.entries()) {
    const response = await fetch("http://flowers.'$NAMESPACE'/score", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ data: [row] }) });
    if (JSON.parse(await response.json()).prediction[0] === answers.prediction[i]) right += 1;
  }
  console.log(right);
})();' <$answers >"$HOME/said"
expect "rows that agree with scikit-learn" "$(cat "$HOME/said")" 150
expect "an error of the script is its own answer" "$(score flowers '{"rows": []}' | jq -r '.body | fromjson')" "{\"error\": \"'data'\"}"
