serves iris
