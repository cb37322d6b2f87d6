expect "UpToDate" "$(condition iris UpToDate status)" False
serves iris
