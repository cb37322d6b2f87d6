# The old revision serves on, and nobody is told that the new one does.
expect "UpToDate" "$(condition iris UpToDate status)" False
serves iris
