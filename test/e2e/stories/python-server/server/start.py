"""Starts azureml-inference-server-http, which is not changed. The image has its packages as files of a package index."""
import glob
import importlib
import os
import subprocess
import sys

if os.environ["VERSION"] == "3":
    sys.exit("no licence for this host")
folders = [option for folder in glob.glob("/srv/simple/*") for option in ("--find-links", folder)]
install = ["uv", "pip", "install", "-q", "--no-index", *folders, "--cache-dir", "/tmp/uv", "--target", "/tmp/packages"]
subprocess.run([*install, "azureml-inference-server-http"], check=True)
importlib.invalidate_caches()  # PYTHONPATH has the folder, which did not exist
from azureml_inference_server_http import amlserver

sys.argv[1:] = ["--entry_script", os.path.join(os.environ["AZUREML_MODEL_DIR"], "score.py"), "--port", "5001"]
amlserver.run()
