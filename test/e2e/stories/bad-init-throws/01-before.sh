. test/e2e/serve-iris.sh
