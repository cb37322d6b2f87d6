# A raw request, and processes that end or hang.
import os
import time

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    what = request.args.get("what", "")
    if what == "end":
        os._exit(1)
    if what == "hang":
        time.sleep(600)
    body = request.get_data()
    return AMLResponse(body[::-1], 201, {"x-size": str(len(body))})
