/** Checks an infer request against the signature of a model (Open Inference Protocol V2). Pure. */
import type { ModelSignature } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';
import { fits, sizeOf, type NamedTensor } from '../tensor/tensor.ts';
import { checkTexts } from './clientTensor.ts';
import type { InferRequest } from './inferRequest.ts';

/** The inputs as the model takes them. Throws BadInput that names the place of the mistake. */
export function checkedInputs({ inputs, outputs }: InferRequest, signature: ModelSignature): NamedTensor[] {
  const tensors = inputs.map((input, i) => checkedInput(input, `inputs[${i}]`, signature));
  const missing = signature.inputs.filter(({ name }) => !tensors.some((tensor) => tensor.name === name));
  if (missing.length > 0) throw new BadInput(`input ${missing.map(({ name }) => name).join(', ')} is missing`);
  const unknown = (outputs ?? []).filter(({ name }) => !signature.outputs.some((output) => output.name === name));
  if (unknown.length > 0)
    throw new BadInput(
      `unknown output ${unknown
        .slice(0, 5)
        .map(({ name }) => name)
        .join(', ')
        .slice(0, 200)}; the model has ${signature.outputs.map(({ name }) => name).join(', ')}`,
    );
  return tensors;
}

function checkedInput(input: NamedTensor, where: string, { inputs }: ModelSignature): NamedTensor {
  const { name, datatype, shape, data } = input;
  const wanted = inputs.find((one) => one.name === name);
  if (!wanted)
    throw new BadInput(
      `${where}.name is ${JSON.stringify(name.slice(0, 60))}; the model has ${inputs.map((one) => one.name).join(', ')}`,
    );
  if (datatype !== wanted.datatype)
    throw new BadInput(`${where}.datatype is ${datatype}, ${wanted.name} is ${wanted.datatype}`);
  // every client with numpy sends a number in this shape
  const single = wanted.shape.length === 0 && shape.length === 1 && sizeOf(shape) === 1;
  if (!single && !fits(shape, wanted))
    throw new BadInput(
      `${where}.shape is [${shape.slice(0, 16).join(',')}], ${wanted.name} is [${wanted.shape.join(',')}]`,
    );
  return { name, ...checkTexts(`${where}.data`, { datatype, shape: single ? [] : shape, data }) };
}
