# The old revision keeps serving, and no condition says that the new one does.
expect "UpToDate" "$(condition iris UpToDate status)" False
serves iris
