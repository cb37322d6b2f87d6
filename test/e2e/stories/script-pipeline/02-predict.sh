client -e '
const answers = JSON.parse(require("fs").readFileSync(0));
(async () => {
  const said = await (await fetch("http://iris-script.'$NAMESPACE'/score", { method: "POST", body: JSON.stringify({ data: answers.data }) })).json();
  console.log(JSON.parse(said).prediction.filter((label, i) => label === answers.label[i]).length);
})();' <examples/iris/training/answers.json >"$HOME/said"
expect "rows that agree" "$(cat "$HOME/said")" 150
# A returned string is quoted once more, as on Azure; the script's own error comes as its JSON.
expect_contains "an error" "$(score iris-script '{"rows": 1}' | jq -r '.body | fromjson')" '{"error":'
