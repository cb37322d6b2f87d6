"""tritonclient[http] against a scorer that serves y = x: every datatype, binary and JSON, what it lists, what it refuses."""
import sys
import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

url, model, datatype = sys.argv[1:4]
VALUES = {
    "FP16": np.array([[1.5], [-2]], np.float16), "FP32": np.array([[1.5], [-2]], np.float32), "FP64": np.array([[1.1], [-2]], np.float64),
    "INT8": np.array([[-128], [127]], np.int8), "UINT8": np.array([[0], [255]], np.uint8), "INT16": np.array([[-32768], [1]], np.int16), "UINT16": np.array([[0], [65535]], np.uint16),
    "INT32": np.array([[-2**31], [1]], np.int32), "UINT32": np.array([[0], [2**32 - 1]], np.uint32), "INT64": np.array([[-2**63], [2**53 + 1]], np.int64),
    "UINT64": np.array([[0], [2**64 - 1]], np.uint64), "BOOL": np.array([[True], [False]], np.bool_), "BYTES": np.array([["a"], ["ü"]], dtype=np.object_),
}
client = http.InferenceServerClient(url)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
assert client.get_model_metadata(model)["inputs"][0] == {"name": "x", "datatype": datatype, "shape": [-1, 1]}
value = VALUES[datatype]
checked = 0
for binary_in in (True, False):
    for outputs in (None, True, False):
        if datatype == "FP16" and not (binary_in and outputs is not False):
            continue  # the protocol has no JSON for it
        given = http.InferInput("x", list(value.shape), datatype)
        given.set_data_from_numpy(value, binary_data=binary_in)
        wanted = None if outputs is None else [http.InferRequestedOutput("y", binary_data=outputs)]
        for compression in (None, "gzip", "deflate"):
            result = client.infer(model, [given], outputs=wanted, request_id="seven", request_compression_algorithm=compression)
            got = result.as_numpy("y")
            if datatype == "BYTES":
                got = np.array([[text.decode() if isinstance(text, bytes) else text for text in row] for row in got], dtype=np.object_)
            assert got.shape == value.shape and (got == value).all(), (binary_in, outputs, compression, got)
            assert result.get_response()["id"] == "seven"
            checked += 1
for bad in ("rose", model):
    other = http.InferInput("z", list(value.shape), datatype)
    other.set_data_from_numpy(value)
    try:
        client.infer(bad, [other])
        raise AssertionError(f"{bad} took an input that it does not have")
    except InferenceServerException as error:
        assert "rose" in str(error) if bad == "rose" else "inputs[0].name" in str(error), error
print(f"{checked} answers")
