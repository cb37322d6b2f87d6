"""Trains the iris model of the examples and writes iris.onnx and answers.json (what scikit-learn says of all 150 rows).

pip install -r requirements.txt && python train.py
"""

import json

from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

data = load_iris()
rows = data.data.astype("float32")
model = LogisticRegression(max_iter=1000, random_state=0).fit(rows, data.target)

# zipmap off: probabilities come as one tensor, and not as a list of dictionaries.
onnx = to_onnx(model, rows[:1], options={"zipmap": False}, target_opset=17)
onnx.producer_version = ""
with open("iris.onnx", "wb") as file:
    file.write(onnx.SerializeToString(deterministic=True))

answers = {
    "data": [[round(float(value), 1) for value in row] for row in data.data],
    "label": model.predict(rows).tolist(),
    "probabilities": [[round(float(p), 5) for p in row] for row in model.predict_proba(rows)],
}
with open("answers.json", "w") as file:
    json.dump(answers, file)
    file.write("\n")
