kubectl apply -f - <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: packages }
spec: { accessModes: [ReadWriteMany], storageClassName: none, resources: { requests: { storage: 1Gi } } }
YAML
kubectl apply -f examples/azure-score-py/
kubectl wait inferencepipeline/flowers --for=condition=UpToDate --timeout=240s
up_to_date flowers
