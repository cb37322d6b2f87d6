"""`python3 -m penstock_worker SOCKET SCRIPT`: the supervisor of the processes that run a script."""
import os
import site
import sys

from .supervisor import supervise

if len(sys.argv) != 3:
    sys.exit("usage: python3 -m penstock_worker SOCKET SCRIPT")
packages = os.environ.get("PENSTOCK_PACKAGES")
if packages:
    site.addsitedir(packages)
    known = os.environ.get("PYTHONPATH")  # of processes that the script starts
    os.environ["PYTHONPATH"] = packages + os.pathsep + known if known else packages
supervise(sys.argv[1], os.path.abspath(sys.argv[2]))
