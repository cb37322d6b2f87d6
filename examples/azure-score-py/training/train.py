"""Trains the model of this example and writes your_model_file.pkl and answers.json (what scikit-learn says of all 150 rows).

pip install -r ../source/requirements.txt && python train.py
"""
import json

import joblib
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

data = load_iris()
columns = ColumnTransformer(
    [
        ("lengths", StandardScaler(), [0, 2]),
        ("widths", KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf"), [1, 3]),
    ]
)
model = make_pipeline(columns, RandomForestClassifier(n_estimators=20, max_depth=6, random_state=0))
model.fit(data.data, data.target)
joblib.dump(model, "your_model_file.pkl", compress=9)

answers = {
    "data": [[round(float(value), 1) for value in row] for row in data.data],
    "prediction": model.predict(data.data).tolist(),
}
with open("answers.json", "w") as file:
    json.dump(answers, file)
    file.write("\n")
