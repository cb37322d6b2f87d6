up_to_date project
expect "answer" "$(score project '{"x": 3}' | jq -r .body)" '{"y":6,"words":[255,0,128]}'
client -e '
(async () => {
  const answer = await fetch("http://project.'$NAMESPACE'/score", { method: "POST", body: "events" });
  const times = [];
  let text = "";
  for await (const chunk of answer.body) { times.push(Date.now()); text += Buffer.from(chunk); }
  console.log(answer.headers.get("content-type"), text.split("data:").length - 1, times.at(-1) - times[0] > 500 ? "piece by piece" : "at once");
})();' >"$HOME/said"
expect "events" "$(cat "$HOME/said")" "text/event-stream 5 piece by piece"
# A file that is no text is part of the revision, too.
kubectl patch configmap project --type=merge -p '{"binaryData": {"vocab.bin": "AQI="}}'
eventually 60 bash -c '. test/e2e/lib.sh; [ "$(score project "{\"x\": 3}" | jq -r .body)" = "{\"y\":6,\"words\":[1,2]}" ]'
expect "revisions" "$(kubectl get ipl project -o json | jq '.status.history | length')" 2
