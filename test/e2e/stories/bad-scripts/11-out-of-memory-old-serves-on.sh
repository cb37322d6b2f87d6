. test/e2e/old-serves-on.sh
