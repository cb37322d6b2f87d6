. "$STORY/model.sh"
# A pod of the user's puts the model into the claim.
image=$(KUBECONFIG=$ADMIN_KUBECONFIG kubectl -n "$CLIENT_NAMESPACE" get pod client -o jsonpath='{.spec.containers[0].image}')
kubectl apply -f examples/iris/01-model.yaml
kubectl apply -f - <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: models }
spec: { accessModes: [ReadWriteMany], storageClassName: none, resources: { requests: { storage: 1Gi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: writer }
spec:
  restartPolicy: Never
  securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: writer
      image: $image
      imagePullPolicy: Never
      command: [/usr/local/bin/node, -e]
      args:
        - |
          const fs = require("fs"), folder = "/claim/$NAMESPACE";
          fs.rmSync(folder, { recursive: true, force: true });
          fs.mkdirSync(folder + "/v1", { recursive: true });
          fs.copyFileSync("/model/iris.onnx", folder + "/v1/iris.onnx");
          fs.symlinkSync("v1", folder + "/latest");
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
      volumeMounts: [{ name: claim, mountPath: /claim }, { name: model, mountPath: /model }]
  volumes: [{ name: claim, persistentVolumeClaim: { claimName: models } }, { name: model, configMap: { name: iris-model } }]
YAML
kubectl wait pod/writer --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s
model iris-claim "pvc://models/$NAMESPACE/latest"
kubectl wait mver/iris-claim --for=condition=Ready --timeout=90s
kubectl apply --dry-run=client -o json -f examples/iris/00-pipeline.yaml | jq '.spec.models[0].modelVersion = "iris-claim"' | kubectl apply -f -
up_to_date iris
serves iris
expect "containers with the claim" "$(kubectl get pods -l penstock.dev/pipeline=iris -o json | jq -c '[.items[0].spec | .volumes[] | select(.persistentVolumeClaim) | .name] as $claims | [.items[0].spec | (.containers + .initContainers)[] | select(.volumeMounts | any(.name as $name | $claims | index($name))) | .name]')" '["fetch"]'
