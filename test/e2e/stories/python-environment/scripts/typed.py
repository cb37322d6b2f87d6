# LightGBM with typed inputs, as in Azure ML's openapi examples.
import lightgbm
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from sklearn.datasets import load_iris


def init():
    global model, expected
    data = load_iris()
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(data.data, data.target)
    expected = model.predict(data.data)


@input_schema("data", NumpyParameterType(np.array([[5.1, 3.5, 1.4, 0.2]])))
@input_schema("check", StandardPythonParameterType(False))
@output_schema(StandardPythonParameterType([0]))
def run(data, check=False):
    answer = model.predict(data)
    if check and not (answer == expected).all():
        raise ValueError("the answer is not that of the library")
    return answer.tolist()
