/** The argument of init(): the models of the pipeline, and the folder they are in. */
import type { ModelSignature, MountedModel } from '@penstock/contract';
import { openModel, type ModelOptions } from '../model/model.ts';
import { modelPath } from '../model/modelPath.ts';
import type { Session } from '../model/session.ts';
import { fromOrt, tensorOf, type ScriptTensorData, type Tensor } from '../tensor/tensor.ts';

/** A tensor as a script writes it, or onnxruntime's own Tensor. */
export type ScriptTensor =
  | { datatype: string; shape: number[]; data: ScriptTensorData }
  | { type: string; dims: readonly number[]; data: unknown };

export interface ScriptModel {
  /** Path of the model's file; for format Files, or several files, of their folder. */
  path: string;
  signature: ModelSignature;
  run(feeds: Record<string, ScriptTensor>): Promise<Record<string, Tensor>>;
}

export interface ScriptContext {
  modelDir: string;
  model(name: string): Promise<ScriptModel>;
}

export interface ContextInput {
  models: MountedModel[];
  modelsDir: string;
  modelDir: string;
}

/**
 * Models are opened on first use and kept. A model of format Files has a path only. Calls that several run()s make at
 * the same time are batched where that is faster.
 */
export function scriptContext({ models, modelsDir, modelDir }: ContextInput, options: ModelOptions): ScriptContext {
  const sessions = new Map<string, Promise<Session>>();
  return {
    modelDir,
    async model(name) {
      const model = models.find((one) => one.name === name);
      if (!model)
        throw new Error(
          `there is no model ${name}; spec.models has ${models.map((one) => one.name).join(', ') || 'none'}`,
        );
      const path = modelPath(modelsDir, model);
      if (model.format !== 'ONNX')
        return {
          path,
          signature: { inputs: [], outputs: [] },
          run: () => Promise.reject(new Error(`model ${name} has format Files: load ${path} yourself`)),
        };
      const session = await (sessions.get(name) ??
        sessions
          .set(
            name,
            openModel(model, path, options).then((opened) => opened.session),
          )
          .get(name)!);
      return {
        path,
        signature: session.signature,
        run: (feeds) =>
          session.run(
            Object.fromEntries(Object.entries(feeds).map(([input, tensor]) => [input, toTensor(input, tensor)])),
          ),
      };
    },
  };
}

const toTensor = (input: string, tensor: ScriptTensor): Tensor =>
  'dims' in tensor ? fromOrt(tensor) : tensorOf(`feeds.${input}`, tensor.datatype, tensor.shape, tensor.data);
