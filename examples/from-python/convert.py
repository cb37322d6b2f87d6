"""Converts a fitted scikit-learn, XGBoost or LightGBM model to ONNX: `model.onnx`, and 50 rows with the library's own answers.

pip install skl2onnx==1.20.0 onnxmltools==1.16.0 onnx==1.23.2
"""
import json

import numpy as np
import onnx
import pandas as pd
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes, calculate_linear_regressor_output_shapes
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

# The words that scikit-learn's vectorizers find by default, in all alphabets; without it ONNX would find others.
WORDS = {"tokenexp": r"[\p{L}\p{N}_][\p{L}\p{N}_]+"}


def register_boosters():
    """Lets scikit-learn pipelines hold XGBoost and LightGBM models, those that are installed."""
    try:
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from xgboost import XGBClassifier, XGBRegressor
        update_registered_converter(XGBClassifier, "XGBClassifier", calculate_linear_classifier_output_shapes, convert_xgboost, options={"zipmap": [True, False, "columns"], "nocl": [True, False]})
        update_registered_converter(XGBRegressor, "XGBRegressor", calculate_linear_regressor_output_shapes, convert_xgboost)
    except ImportError:
        pass
    try:
        from lightgbm import LGBMClassifier, LGBMRegressor
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
        update_registered_converter(LGBMClassifier, "LGBMClassifier", calculate_linear_classifier_output_shapes, convert_lightgbm, options={"zipmap": [True, False, "columns"], "nocl": [True, False]})
        update_registered_converter(LGBMRegressor, "LGBMRegressor", calculate_linear_regressor_output_shapes, convert_lightgbm, options={"split": None})
    except ImportError:
        pass


def inputs_of(rows):
    """One input of numbers for an array; for a data frame an input for each column, by its type (true and false are 1 and 0)."""
    if isinstance(rows, pd.DataFrame):
        kinds = {"f": FloatTensorType, "i": Int64TensorType, "u": Int64TensorType, "b": Int64TensorType}
        return [(name, kinds.get(kind.kind, StringTensorType)([None, 1])) for name, kind in rows.dtypes.items()]
    if isinstance(rows, (list, tuple)):
        return [("text", StringTensorType([None, 1]))]
    return [("X", FloatTensorType([None, np.asarray(rows).shape[1]]))]


# What to do where a converter gives up, by a word of the model or of what the converter says.
INSTEAD = {
    "HistGradientBoosting": "use LightGBM, or GradientBoostingClassifier or -Regressor, which convert",
    "FunctionTransformer": "apply the function before you fit, or in a scoring script",
    "strip_accents": "strip accents from the texts before you fit, with strip_accents=None",
}


def convert(model, rows):
    """The bytes of the ONNX model. `rows` is what the model was fitted on: an array, a data frame, or a list of texts."""
    register_boosters()
    options = {TfidfVectorizer: WORDS, CountVectorizer: WORDS}
    try:
        return to_onnx(model, initial_types=inputs_of(rows), options=options, target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString()
    except Exception as error:
        for word, advice in INSTEAD.items():
            if word in f"{model} {error}":
                raise ValueError(f"this model cannot be converted to ONNX: {advice}") from error
        raise


def save(model, rows, folder="."):
    """Writes model.onnx, and rows.json and expect.json for `penstock compare`: 50 rows, and what the library makes of them."""
    converted = convert(model, rows)
    with open(f"{folder}/model.onnx", "wb") as file:
        file.write(converted)
    some = rows[:50]
    names = [output.name for output in onnx.load_from_string(converted).graph.output]
    labels = np.asarray(model.predict(some))
    answers = {names[0]: labels.astype(int) if labels.dtype == bool else labels, **({names[1]: model.predict_proba(some)} if hasattr(model, "predict_proba") else {})}
    lists = some.astype(object).values.tolist() if isinstance(some, pd.DataFrame) else list(some) if isinstance(some, (list, tuple)) else np.asarray(some).tolist()
    with open(f"{folder}/rows.json", "w") as file:
        json.dump([[None if isinstance(value, float) and np.isnan(value) else value for value in row] if isinstance(row, list) else row for row in lists], file)
    with open(f"{folder}/expect.json", "w") as file:
        json.dump({name: np.asarray(values).tolist() for name, values in answers.items()}, file)
