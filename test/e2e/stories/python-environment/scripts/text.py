# A text classifier: TF-IDF and logistic regression, with pandas in front.
import json

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def init():
    global model
    texts = ["good film", "great story", "lovely cast", "bad film", "awful story", "dull cast"] * 5
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, (["good"] * 3 + ["bad"] * 3) * 5)


def run(raw_data, request_headers):
    frame = pd.DataFrame(json.loads(raw_data)["rows"])
    return {"labels": model.predict(frame["text"]).tolist(), "client": request_headers.get("X-Client")}
