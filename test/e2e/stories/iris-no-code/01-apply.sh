kubectl apply -f examples/iris/
up_to_date iris
