"""The contract of a scoring script, as in azureml-inference-server-http 1.5: init(), run(), its decorators and types."""
import functools
import importlib
import importlib.util
import inspect
import io
import json
import os
import re
import sys
import types
from urllib.parse import urlsplit


class BadInput(Exception):
    """The request must change: its status and message."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


class WrongFunction(Exception):
    """init() or run() is missing, or has other parameters than it may have."""


class UserScript:
    """A script that was imported. Raises WrongFunction, or what the import raises."""

    def __init__(self, path):
        raw_requests = _provide_azureml_modules()
        module = _imported(path)
        for name in ("init", "run"):
            if not callable(getattr(module, name, None)):
                raise WrongFunction("%s has no function %s()" % (os.path.basename(path), name))
        driver = getattr(module, "driver_module", None)  # of scripts that Azure ML generates
        self.run = driver.run if isinstance(driver, types.ModuleType) and hasattr(driver, "run") else module.run
        self.init = module.init
        parameters = list(inspect.signature(self.run).parameters.values())
        if any(one.kind not in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters):
            raise WrongFunction("run() cannot have positional-only parameters, *args or **kwargs")
        self.takes_headers = any(one.name == "request_headers" for one in parameters)
        self.parameters = [one for one in parameters if one.name != "request_headers"]
        if not self.parameters:
            raise WrongFunction("run() has no parameter for the data")
        self.raw = raw_requests._rawHttpRequested
        self.schemas = _schemas(self.run)
        if self.raw and self.schemas:
            raise WrongFunction("run() cannot have both @rawhttp and @input_schema")

    def call(self, request, body):
        """The result of run(). Raises BadInput for a mistake of the client, or what run() raises."""
        arguments = self._with_headers(self._arguments(request, body), request)
        if not self.raw:
            return self.run(**arguments)
        with _flask_context(request, body) as context:
            return self.run(**{self.parameters[0].name: context.request, **arguments})

    def call_infer(self, request, infer):
        """The result of run() for a request of the protocol V2: a typed run() gets each input as an argument."""
        if self.raw:
            raise BadInput("a script with @rawhttp does not serve the protocol V2: send the request to /score", 501)
        if self.schemas:
            given = {tensor["name"]: tensor["data"] for tensor in infer.inputs}
            arguments = self._named_arguments(given)
        else:
            arguments = {self.parameters[0].name: infer.argument()}
        return self.run(**self._with_headers(arguments, request))

    def _with_headers(self, arguments, request):
        if not self.takes_headers:
            return arguments
        # in the form in which Flask has them
        return {**arguments, "request_headers": {name.title(): value for name, value in request["headers"].items()}}

    def _arguments(self, request, body):
        if self.raw:
            return {}
        if self.schemas:
            return self._schema_arguments(request, body)
        try:
            return {self.parameters[0].name: body.decode("utf-8")}
        except UnicodeDecodeError as error:
            raise BadInput("Input cannot be decoded as UTF-8: %s" % error) from None

    def _schema_arguments(self, request, body):
        content_type = request["headers"].get("content-type", "").partition(";")[0].strip().lower()
        if request["method"] != "GET" and not re.match(r"application/(.+\+)?json$", content_type):
            raise BadInput("Expects Content-Type to be application/json", 415)
        if not body:
            raise BadInput("POST body is empty. Expecting a JSON dictionary.")
        try:
            data = json.loads(body)
        except ValueError as error:
            raise BadInput("POST body could not be decoded as JSON: %s" % error) from None
        if not isinstance(data, dict):
            raise BadInput("POST body should be a JSON dictionary.")
        return self._named_arguments(data)

    def _named_arguments(self, data):
        arguments = {one.name: data.get(one.name, one.default) for one in self.parameters}
        for name, value in arguments.items():
            if value is inspect.Parameter.empty:
                raise BadInput("A value is not provided for the %r parameter." % name)
        return arguments


def _imported(path):
    """The script as a module. Modules beside it can be imported."""
    sys.path.append(os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("entry_module", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_module"] = module
    spec.loader.exec_module(module)
    return module


def _schemas(run):
    """JSON Schemas of a run() with @input_schema or @output_schema of the package inference-schema."""
    if "inference_schema" not in sys.modules:
        return {}
    util = importlib.import_module("inference_schema.schema_util")
    if not util.is_schema_decorated(run):
        return {}
    return {"input": util.get_input_schema(run), "output": util.get_output_schema(run)}


def _provide_azureml_modules():
    """Modules that old scripts import: azureml.contrib.services and azureml.core.model. Returns the module of @rawhttp."""
    raw_requests = types.SimpleNamespace(_rawHttpRequested=False)
    try:  # needs Flask
        from azureml_inference_server_http.api import aml_request, aml_response

        for name in ("azureml", "azureml.contrib", "azureml.contrib.services"):
            _module(name)
        sys.modules["azureml.contrib.services.aml_request"] = raw_requests = aml_request
        sys.modules["azureml.contrib.services.aml_response"] = aml_response
    except ImportError:
        pass
    model = type("Model", (), {"get_model_path": staticmethod(_get_model_path)})
    for name in ("azureml", "azureml.core"):
        _module(name)
    _module("azureml.core.model", Model=model)
    return raw_requests


def _module(name, **attributes):
    """The module of that name; an empty one with these attributes where no package has it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        module = types.ModuleType(name)
        module.__path__ = []
        module.__dict__.update(attributes)
        sys.modules[name] = module
        return module


def _get_model_path(model_name, version=None, _workspace=None):
    """Model.get_model_path of Azure ML's SDK v1: the only file of the model's folder, or the folder."""
    base = os.environ["AZUREML_MODEL_DIR"]
    path = os.path.join(base, model_name)
    if not os.path.exists(path):
        path = base
    inside = os.listdir(path) if os.path.isdir(path) else []
    return os.path.join(path, inside[0]) if len(inside) == 1 else path


@functools.lru_cache(maxsize=None)
def _flask():
    from flask import Flask  # only a script with @rawhttp has it

    return Flask("score")


def _flask_context(request, body):
    """The context in which Flask runs a handler; its request is the argument of @rawhttp."""
    url = urlsplit(request["url"])
    environ = {
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in request["headers"].items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_LENGTH":
            continue
        environ[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
    return _flask().request_context(environ)
