answers=examples/iris/training/answers.json
client -e '
const answers = JSON.parse(require("fs").readFileSync(0));
(async () => {
  const said = await (await fetch("http://iris.'$NAMESPACE'/score", { method: "POST", body: JSON.stringify({ data: answers.data }) })).json();
  const labels = said.label.filter((label, i) => label === answers.label[i]).length;
  const close = said.probabilities.filter((row, i) => row.every((p, j) => Math.abs(p - answers.probabilities[i][j]) < 1e-4)).length;
  const v2 = await (await fetch("http://iris.'$NAMESPACE'/v2/models/iris/infer", { method: "POST", body: JSON.stringify({ inputs: [{ name: "X", shape: [150, 4], datatype: "FP32", data: answers.data }], outputs: [{ name: "label" }] }) })).json();
  console.log(labels, close, v2.outputs.length, v2.outputs[0].data.filter((label, i) => label === answers.label[i]).length);
})();' <$answers >"$HOME/said"
expect "rows that agree (labels, probabilities; V2 outputs, labels)" "$(cat "$HOME/said")" "150 150 1 150"
