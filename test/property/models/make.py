"""make.py FOLDER: fits the models of a data scientist's notebook, and converts each as docs/from-scikit-learn.md says.

Prints a line of JSON for each: its name, and why it could not be converted, if it could not.
"""
import json
import os
import sys
import warnings

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier, XGBRegressor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/from-python"))
import convert  # noqa: E402

warnings.filterwarnings("ignore")
rng = np.random.default_rng(0)
iris, labels = load_iris(return_X_y=True)
cancer, ill = load_breast_cancer(return_X_y=True)
diabetes, progress = load_diabetes(return_X_y=True)
iris, cancer, diabetes = (one.astype(np.float32) for one in (iris, cancer, diabetes))
order = rng.permutation(len(iris))
iris, labels = iris[order], labels[order]
words = "free win cash now offer hello meeting lunch report Über café naïve you are we at the office today tomorrow".split()
texts = [" ".join(rng.choice(words, rng.integers(3, 9))) + rng.choice(["", "!", " A b", " 100%"]) for _ in range(200)]
spam = [int("free" in text or "cash" in text) for text in texts]
houses = pd.DataFrame({
    "area": rng.normal(120, 30, 300), "rooms": rng.integers(1, 7, 300), "age": rng.integers(0, 90, 300), "distance": rng.exponential(5, 300),
    "town": rng.choice(["north", "south", "east"], 300), "kind": rng.choice(["flat", "house"], 300), "garden": rng.random(300) < 0.4,
})
houses["area"] = houses["area"].astype(np.float32)
houses["distance"] = houses["distance"].astype(np.float32)
price = 1000 * houses["area"] + 5000 * houses["rooms"] + 20000 * houses["garden"] - 300 * houses["age"] + rng.normal(0, 5000, 300)
numbers, names = ["area", "rooms", "age", "distance"], ["town", "kind"]


def columns(last, dense=True):
    parts = [("numbers", "passthrough", numbers), ("names", OneHotEncoder(handle_unknown="ignore", sparse_output=not dense), names), ("yes", "passthrough", ["garden"])]
    return make_pipeline(ColumnTransformer(parts), last)


holes = iris.copy()
holes[::5, 2] = np.nan


def models():
    yield "tfidf-logistic", lambda: (make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, spam), texts)
    yield "tfidf-strip-accents", lambda: (make_pipeline(TfidfVectorizer(strip_accents="unicode"), LogisticRegression()).fit(texts, spam), texts)
    yield "columns-boosting", lambda: (columns(GradientBoostingRegressor(random_state=0)).fit(houses, price), houses)
    yield "columns-xgboost", lambda: (columns(XGBRegressor(n_estimators=30)).fit(houses, price), houses)
    yield "columns-logistic", lambda: (columns(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))).fit(houses, price > 140000), houses)
    yield "hist-boosting", lambda: (HistGradientBoostingClassifier(max_iter=20).fit(cancer, ill), cancer)
    yield "xgb-classifier", lambda: (XGBClassifier(n_estimators=30).fit(cancer, ill), cancer)
    yield "xgb-regressor", lambda: (XGBRegressor(n_estimators=30).fit(diabetes, progress), diabetes)
    yield "lgbm-classifier", lambda: (LGBMClassifier(n_estimators=30, verbose=-1).fit(cancer, ill), cancer)
    yield "lgbm-regressor", lambda: (LGBMRegressor(n_estimators=30, verbose=-1).fit(diabetes, progress), diabetes)
    yield "forest", lambda: (RandomForestClassifier(300, random_state=0).fit(cancer, ill), cancer)
    yield "logistic", lambda: (make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(iris, labels), iris)
    yield "svc", lambda: (make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)).fit(iris, labels), iris)
    yield "neighbours", lambda: (KNeighborsClassifier().fit(iris, labels), iris)
    yield "perceptron", lambda: (make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=500, random_state=0)).fit(iris, labels), iris)
    yield "calibrated", lambda: (CalibratedClassifierCV(LogisticRegression(max_iter=500)).fit(iris, labels), iris)
    yield "stacking", lambda: (StackingClassifier([("forest", RandomForestClassifier(10, random_state=0)), ("logistic", LogisticRegression(max_iter=500))]).fit(iris, labels), iris)
    yield "kmeans", lambda: (KMeans(3, random_state=0, n_init=3).fit(iris), iris)
    yield "isolation-forest", lambda: (IsolationForest(random_state=0).fit(iris), iris)
    yield "boosting", lambda: (GradientBoostingRegressor(random_state=0).fit(diabetes, progress), diabetes)
    yield "polynomial-ridge", lambda: (make_pipeline(PolynomialFeatures(2), Ridge()).fit(diabetes, progress), diabetes)
    yield "imputer-logistic", lambda: (make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)).fit(holes, labels), holes)
    yield "function-transformer", lambda: (make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(iris, labels), iris)


for name, make in models():
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    problem = None
    try:
        convert.save(*make(), folder)
    except Exception as error:  # what the converter says is what a user reads
        problem = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300]}"
    print(json.dumps({"name": name, "problem": problem}), flush=True)
