// The seed's score.py, line by line. Left out: nothing; joblib.load becomes context.model, numpy a nested list.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

interface Model {
  run(
    feeds: Record<string, { datatype: string; shape: number[]; data: unknown }>,
  ): Promise<Record<string, { data: ArrayLike<number | bigint> }>>;
}
let model: Model;

// Called when the service is loaded
export async function init(context: { model(name: string): Promise<Model> }): Promise<void> {
  // Get the loaded model file path
  const modelPath = join(process.env.AZUREML_MODEL_DIR!, 'iris.onnx');
  if (!existsSync(modelPath)) throw new Error(`${modelPath} is not there`);
  // Load the model
  model = await context.model('iris');
}

// Called for each inference request
export async function run(rawData: string): Promise<string> {
  try {
    const { data } = JSON.parse(rawData) as { data: number[][] };
    // Example: Convert to a tensor and make prediction
    const inputData = { datatype: 'FP32', shape: [data.length, 4], data };
    const prediction = (await model.run({ X: inputData })).label!;

    // You can return a JSON object or a string
    return JSON.stringify({ prediction: Array.from(prediction.data, Number) });
  } catch (e) {
    const error = e instanceof Error ? e.message : String(e);
    return JSON.stringify({ error });
  }
}
