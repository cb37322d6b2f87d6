"""Requests and responses of the Open Inference Protocol V2, with numpy arrays in between.

Rules: protocol-v2 inference_rest.md and extension_binary_data.md. The scorer does the same for models and for scripts
in TypeScript, with the same messages (protocols/inferRequest.ts, protocols/inferResponse.ts).
"""
import base64
import json
import math
import struct

from .user_script import BadInput

DTYPES = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "i1", "INT16": "<i2",
    "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}
MAX_TENSORS = 1000
MAX_DIMENSIONS = 32
BASE64 = "base64"


def numpy():
    try:
        import numpy

        return numpy
    except ImportError:
        raise BadInput("the protocol V2 needs numpy among the packages of the script", 501) from None


class InferRequest:
    """A request. Raises BadInput that names the place of the mistake."""

    def __init__(self, body, json_bytes):
        if json_bytes is not None and json_bytes > len(body):
            raise BadInput("Inference-Header-Content-Length is %d, the body has %d bytes" % (json_bytes, len(body)))
        end = len(body) if json_bytes is None else json_bytes
        request = _parsed(body[:end])
        if not isinstance(request, dict):
            raise BadInput("the body must be a JSON object with inputs")
        self.id = request["id"] if isinstance(request.get("id"), str) else None
        self.parameters = _parameters(request)
        self.inputs = _inputs(request.get("inputs"), memoryview(body)[end:])
        self._binary_output = self.parameters.get("binary_data_output") is True
        self._outputs = _wanted(request.get("outputs"))

    def argument(self):
        """What run() gets: inputs as {name, datatype, shape, data}, each with a numpy array as its data."""
        return {"id": self.id, "parameters": self.parameters, "inputs": self.inputs}

    def response(self, result, model, version):
        """The bytes of the response, and the length of its JSON where binary tensors follow."""
        outputs = self._chosen(_outputs(result))
        blobs = []
        described = []
        for output in outputs:
            described.append(self._described(output, blobs))
        head = {"model_name": model, "model_version": version}
        if self.id is not None:
            head["id"] = self.id
        text = json.dumps({**head, "outputs": described}, allow_nan=False, separators=(",", ":")).encode()
        return (text + b"".join(blobs), len(text)) if blobs else (text, None)

    def _chosen(self, outputs):
        if self._outputs is None:
            return outputs
        by_name = {output["name"]: output for output in outputs}
        for name in self._outputs:
            if name not in by_name:
                raise BadInput("unknown output %s; there is %s" % (name[:200], ", ".join(by_name)))
        return [by_name[name] for name in self._outputs]

    def _described(self, output, blobs):
        wanted = _parameters((self._outputs or {}).get(output["name"], {}))
        binary = wanted.get("binary_data")
        described = {key: output[key] for key in ("name", "datatype", "shape")}
        if binary if isinstance(binary, bool) else self._binary_output:
            blobs.append(_binary(output))
            described["parameters"] = {"binary_data_size": len(blobs[-1])}
        elif output["datatype"] == "FP16":
            raise BadInput("output %s is FP16, which has no JSON form; ask for it with binary_data" % output["name"])
        elif output["datatype"] == "BYTES":
            values = output["data"].ravel().tolist()
            if wanted.get("content_type") == BASE64 or any(isinstance(one, bytes) for one in values):
                described["parameters"] = {"content_type": BASE64}
                values = [base64.b64encode(_encoded(one)).decode() for one in values]
            described["data"] = values
        else:
            described["data"] = _json_numbers(output)
        return described


def _parsed(text):
    def refused(name):
        raise ValueError("%s is not JSON" % name)

    try:
        return json.loads(bytes(text), parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise BadInput("the body is not JSON: %s" % error) from None


def _parameters(value):
    given = value.get("parameters")
    return given if isinstance(given, dict) else {}


def _assert_unique(what, names):
    seen = set()
    for name in names:
        if name in seen:
            raise BadInput("%s %s is there twice" % (what, name[:200]))
        seen.add(name)


def _wanted(outputs):
    """Wanted outputs by their names. None: all."""
    if outputs is None or outputs == []:
        return None
    if not isinstance(outputs, list):
        raise BadInput("outputs must be a list of {name}")
    if len(outputs) > MAX_TENSORS:
        raise BadInput("there are %d outputs; %d is the most" % (len(outputs), MAX_TENSORS))
    for i, output in enumerate(outputs):
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise BadInput("outputs[%d] must have a name" % i)
    _assert_unique("output", [output["name"] for output in outputs])
    return {output["name"]: output for output in outputs}


def _inputs(inputs, binary):
    if not isinstance(inputs, list) or not inputs:
        raise BadInput("inputs must be a list of {name, shape, datatype, data}")
    if len(inputs) > MAX_TENSORS:
        raise BadInput("there are %d inputs; %d is the most" % (len(inputs), MAX_TENSORS))
    blobs = _Blobs(binary)
    tensors = [_input(one, "inputs[%d]" % i, blobs) for i, one in enumerate(inputs)]
    if blobs.left:
        raise BadInput("%d bytes follow the last tensor" % blobs.left)
    _assert_unique("input", [tensor["name"] for tensor in tensors])
    return tensors


class _Blobs:
    """The binary tensors that follow the JSON."""

    def __init__(self, rest):
        self._rest = rest

    @property
    def left(self):
        return len(self._rest)

    def take(self, where, size):
        if not _is_whole(size):
            raise BadInput("%s.parameters.binary_data_size must be a whole number" % where)
        if size > len(self._rest):
            raise BadInput(
                "%s.parameters.binary_data_size is %d, %d bytes are left" % (where, size, len(self._rest))
            )
        blob, self._rest = self._rest[:size], self._rest[size:]
        return blob


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _input(tensor, where, blobs):
    if not isinstance(tensor, dict):
        raise BadInput("%s must be {name, shape, datatype, data}" % where)
    name, shape, datatype = tensor.get("name"), tensor.get("shape"), tensor.get("datatype")
    if not isinstance(name, str):
        raise BadInput("%s.name must be a string" % where)
    if not isinstance(datatype, str) or (datatype not in DTYPES and datatype != "BYTES"):
        raise BadInput("%s.datatype is %.60r, which the protocol does not know" % (where, datatype))
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_whole, shape)) or _is_huge(shape):
        raise BadInput("%s.shape must be a list of whole numbers" % where)
    parameters, where = _parameters(tensor), where + ".data"
    if "binary_data_size" in parameters:
        blob = blobs.take(where[: -len(".data")], parameters["binary_data_size"])
        data = _from_binary(where, datatype, shape, blob)
    elif datatype == "FP16":
        raise BadInput("%s: FP16 has no JSON form; send it with the binary tensor extension" % where)
    else:
        data = _from_json(where, datatype, shape, tensor.get("data"), parameters.get("content_type") == BASE64)
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _is_huge(shape):
    """More than a number counts exactly, or an array can have in one dimension."""
    return math.prod(shape) > 2**53 or any(dimension > 2**53 for dimension in shape)


def _array(values, datatype, shape):
    kind = object if datatype == "BYTES" else DTYPES[datatype]
    array = numpy().empty(len(values), dtype=kind)
    with numpy().errstate(over="ignore"):  # what becomes infinite is refused
        array[:] = values
    return array.reshape(shape)


def _from_json(where, datatype, shape, data, is_base64):
    if not isinstance(data, list):
        raise BadInput("%s must be a list" % where)
    values = _flat(where, data, shape)
    if len(values) != math.prod(shape):
        raise BadInput("%s has %d values, the shape needs %d" % (where, len(values), math.prod(shape)))
    convert = _converter(datatype, is_base64)
    for i, value in enumerate(values):
        converted = convert(value)
        if converted is None:
            raise BadInput("%s has %.60r at place %d, which is not %s" % (where, value, i, datatype))
        values[i] = converted
    array = _array(values, datatype, shape)
    if datatype.startswith("FP") and numpy().isinf(array).any():
        place = int(numpy().flatnonzero(numpy().isinf(array))[0])
        raise BadInput("%s has a number at place %d that is too large for %s" % (where, place, datatype))
    return array


def _flat(where, data, shape):
    """A new flat list of values that are flat already, or nested like the shape."""
    values = list(data)
    for length in shape[1:]:
        if not any(isinstance(value, list) for value in values):
            break
        if not all(isinstance(value, list) and len(value) == length for value in values):
            raise BadInput("%s has lists that do not fit the shape" % where)
        values = [one for value in values for one in value]
    return values


def _converter(datatype, is_base64):
    """A function that gives the value for an array, or None for a value of another datatype."""
    if datatype == "BYTES":
        return _decoded_base64 if is_base64 else lambda value: value if isinstance(value, str) else None
    if datatype == "BOOL":
        return lambda value: bool(value) if value in (0, 1) and not isinstance(value, (str, float)) else None
    if datatype.startswith("FP"):
        return _real
    bounds = numpy().iinfo(DTYPES[datatype])
    low, high = int(bounds.min), int(bounds.max)

    def whole(value):
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        return int(value) if isinstance(value, int) and low <= value <= high else None

    return whole


def _real(value):
    """null is a missing value."""
    if value is None:
        return math.nan
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return math.inf


def _decoded_base64(value):
    try:
        return _text_or_bytes(base64.b64decode(value + "=" * (-len(value) % 4), validate=True))
    except (TypeError, ValueError):
        return None


def _text_or_bytes(data):
    """The text of bytes; the bytes themselves where they are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _from_binary(where, datatype, shape, blob):
    """Little-endian, row-major, no padding; BYTES as length (32 bits) and bytes, one after the other."""
    if datatype == "BYTES":
        values = list(_strings(where, bytes(blob)))
        if len(values) != math.prod(shape):
            raise BadInput("%s has %d strings, the shape needs %d" % (where, len(values), math.prod(shape)))
        return _array(values, datatype, shape)
    dtype = numpy().dtype(DTYPES[datatype])
    needed = math.prod(shape) * dtype.itemsize
    if len(blob) != needed:
        form = "%s[%s]" % (datatype, ",".join(map(str, shape)))
        raise BadInput("%s has %d bytes, %s needs %d" % (where, len(blob), form, needed))
    return numpy().frombuffer(blob, dtype=dtype).reshape(shape).copy()


def _strings(where, data):
    at = count = 0
    while at < len(data):
        start = at + 4
        end = start + struct.unpack_from("<I", data, at)[0] if start <= len(data) else len(data) + 1
        if end > len(data):
            raise BadInput("%s: string %d is longer than what was sent" % (where, count))
        yield _text_or_bytes(data[start:end])
        at, count = end, count + 1


def _outputs(result):
    """The outputs of run(), each with an array. Raises TypeError or ValueError for another result."""
    outputs = result.get("outputs") if isinstance(result, dict) else None
    if isinstance(result, (list, numpy().ndarray)):
        outputs = [{"name": "output", "data": result}]
    if not isinstance(outputs, list):
        raise TypeError(
            "run() must answer a request of the protocol V2 with an array, or {'outputs': [{'name', 'data'}]}"
        )
    return [_output(output) for output in outputs]


def _output(output):
    name, datatype = output["name"], output.get("datatype")
    array = numpy().asarray(output["data"])
    if datatype is None:
        datatype = _datatype_of(array.dtype, name)
    if datatype == "BYTES":
        array = array.astype(object)
    else:
        converted = array.astype(DTYPES[datatype])
        if array.dtype.kind in "iuf" and converted.dtype.kind in "iu" and (converted != array).any():
            raise ValueError("output %s has a value that is not %s" % (name, datatype))
        array = converted
    shape = [int(one) for one in output.get("shape", array.shape)]
    return {"name": name, "datatype": datatype, "shape": shape, "data": array.reshape(shape)}


def _datatype_of(dtype, name):
    if dtype.kind in "OUS":
        return "BYTES"
    for datatype, code in DTYPES.items():
        if dtype == code:
            return datatype
    raise TypeError("output %s is an array of %s, which the protocol V2 does not know" % (name, dtype))


def _encoded(value):
    return value if isinstance(value, bytes) else str(value).encode()


def _binary(output):
    if output["datatype"] != "BYTES":
        return output["data"].tobytes()
    values = [_encoded(one) for one in output["data"].ravel().tolist()]
    return b"".join(struct.pack("<I", len(one)) + one for one in values)


def _json_numbers(output):
    """NaN and infinities, which JSON does not have, are null."""
    array = output["data"].ravel()
    if array.dtype.kind != "f":
        return array.tolist()
    return [value if math.isfinite(value) else None for value in array.tolist()]
