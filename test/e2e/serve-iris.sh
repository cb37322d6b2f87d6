# A good pipeline that serves: what each bad change must leave alone.
kubectl apply -f examples/iris/
up_to_date iris
serves iris
