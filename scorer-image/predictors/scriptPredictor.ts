/** A script as a predictor: run() gets tensors and returns tensors. */
import type { UserScript } from '../script/script.ts';
import { BadInput } from '../tensor/errors.ts';
import { tensorOf, type NamedTensor, type ScriptTensorData } from '../tensor/tensor.ts';
import type { Predictor } from './predictor.ts';

export const scriptPredictor = (script: UserScript): Predictor => ({
  predict: async ({ tensors, outputs, context }) => {
    const { id, parameters, request } = context!;
    return { outputs: outputsOf(await script.run({ id, parameters, inputs: tensors }, request), outputs) };
  },
});

/** The result of run(): the requested outputs. */
function outputsOf(result: unknown, wanted: string[] | undefined): NamedTensor[] {
  const outputs = (result as { outputs?: unknown } | null | undefined)?.outputs;
  if (!Array.isArray(outputs))
    throw new Error('run() must answer a request of the V2 protocol with {outputs: [{name, datatype, shape, data}]}');
  const all = (outputs as (NamedTensor & { data: ScriptTensorData })[]).map(({ name, datatype, shape, data }) => ({
    name,
    ...tensorOf(`outputs ${name}.data`, datatype, shape, data),
  }));
  const unknown = wanted?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined)
    throw new BadInput(`unknown output ${unknown.slice(0, 200)}; there is ${all.map(({ name }) => name).join(', ')}`);
  return wanted ? wanted.map((name) => all.find((one) => one.name === name)!) : all;
}
