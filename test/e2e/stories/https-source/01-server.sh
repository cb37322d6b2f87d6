openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=models -addext "subjectAltName=DNS:models" -keyout "$HOME/tls.key" -out "$HOME/tls.crt" 2>/dev/null
kubectl create secret generic tls --from-file="$HOME/tls.key" --from-file="$HOME/tls.crt"
kubectl create configmap server --from-file="$STORY/server.mjs" --from-file=examples/iris/training/iris.onnx
kubectl create secret generic models-access --from-literal=token=open-sesame --from-file=ca.crt="$HOME/tls.crt"
kubectl create secret generic wrong-access --from-literal=token=wrong --from-file=ca.crt="$HOME/tls.crt"
KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$CLIENT_NAMESPACE" get pod client -o json | jq '.metadata = {name: "models", labels: {app: "models"}} | .spec |= {terminationGracePeriodSeconds, securityContext, containers: [.containers[0] | {name, image, resources, securityContext, command: ["/usr/local/bin/node", "/server/server.mjs"], volumeMounts: [{name: "server", mountPath: "/server"}, {name: "server", mountPath: "/models"}, {name: "tls", mountPath: "/tls"}]}], volumes: [{name: "server", configMap: {name: "server"}}, {name: "tls", secret: {secretName: "tls"}}]}' | kubectl apply -f -
kubectl expose pod models --port=443 --target-port=8443
kubectl wait pod/models --for=condition=Ready --timeout=60s
