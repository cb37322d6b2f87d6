import os
import json
import joblib
import numpy as np

# Called when the service is loaded
def init():
    global model
    # Get the loaded model file path
    model_path = os.path.join(os.getenv('AZUREML_MODEL_DIR'), 'your_model_file.pkl')
    # Load the model
    model = joblib.load(model_path)

# Called for each inference request
def run(raw_data):
    try:
        data = json.loads(raw_data)['data']
        # Example: Convert to numpy array and make prediction
        input_data = np.array(data)
        prediction = model.predict(input_data)

        # You can return a JSON object or a string
        return json.dumps({"prediction": prediction.tolist()})
    except Exception as e:
        error = str(e)
        return json.dumps({"error": error})
