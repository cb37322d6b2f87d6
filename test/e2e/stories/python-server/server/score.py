import os


def init():
    print("the model is in", os.environ["AZUREML_MODEL_DIR"])


def run(raw_data):
    return {"version": os.environ["VERSION"], "data": raw_data}
