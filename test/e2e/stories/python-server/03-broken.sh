. "$STORY/version.sh"
version 3
broken() { expect_contains "message" "$(condition own UpToDate message)" "no licence for this host"; }
eventually 60 broken
answers 2
