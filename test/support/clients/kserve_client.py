"""kserve's own REST client against a scorer that serves y = x: health, metadata-free infer in JSON and binary, 64-bit integers."""
import asyncio
import sys
import numpy as np
from kserve import InferInput, InferRequest, InferenceRESTClient, RESTConfig

url, model, datatype = sys.argv[1:4]
VALUES = {"FP32": np.array([[1.5], [-2]], np.float32), "INT64": np.array([[-2**63], [2**53 + 1]], np.int64), "BOOL": np.array([[True], [False]], np.bool_)}


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    base = f"http://{url}"
    assert await client.is_server_live(base) and await client.is_server_ready(base) and await client.is_model_ready(base, model)
    value = VALUES[datatype]
    for binary in (True, False):
        given = InferInput("x", list(value.shape), datatype)
        given.set_data_from_numpy(value, binary_data=binary)
        answer = await client.infer(base, InferRequest(model_name=model, infer_inputs=[given], request_id="seven"), model_name=model)
        got = answer.outputs[0].as_numpy()
        assert got.shape == value.shape and (got == value).all(), (binary, got)
        assert answer.id == "seven"
    try:
        await client.infer(base, InferRequest(model_name="rose", infer_inputs=[given]), model_name="rose")
    except Exception as error:  # its errors have no common class
        assert "404" in str(error) or "rose" in str(error), error
    else:
        raise AssertionError("a model that does not exist was served")
    print("2 answers")


asyncio.run(main())
