/** One ONNX model served without a script: {"data": rows} on /score, tensors by name on the V2 protocol. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import type { Session } from '../load/session.ts';
import { fits, flatJson, nestedJson, TensorError, tensorOf, type Tensor } from '../load/tensor.ts';

/** A request that the client must change: 400 with this sentence. */
export class BadInput extends Error {}

/** Azure's dialect: `{"data": rows}` with one input, `{"<input>": rows, …}` with any; answers `{"<output>": rows, …}`. */
export async function scoreRows(body: unknown, session: Session): Promise<string> {
  const { inputs } = session.signature;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new BadInput(`the body must be a JSON object: ${expectation(session.signature)}`);
  const given = body as Record<string, unknown>;
  const one = inputs.length === 1 && 'data' in given && !(inputs[0]!.name in given) ? { [inputs[0]!.name]: given.data } : given;
  const unknown = Object.keys(one).filter((name) => !inputs.some((input) => input.name === name));
  if (unknown.length > 0) throw new BadInput(`unknown input ${unknown.join(', ')}: ${expectation(session.signature)}`);
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, rowsToTensor(one[input.name], input, session.signature)]));
  const results = await session.run(feeds);
  return `{${Object.entries(results).map(([name, tensor]) => `${JSON.stringify(name)}:${nestedJson(tensor)}`).join(',')}}`;
}

function expectation({ inputs }: ModelSignature): string {
  const describe = ({ name, datatype, shape }: TensorSignature): string => `${name}: ${datatype}${JSON.stringify(shape)}`;
  const example = inputs.length === 1 ? '{"data": rows}' : `{${inputs.map(({ name }) => `"${name}": rows`).join(', ')}}`;
  return `expected ${example} with ${inputs.map(describe).join(', ')}`;
}

function rowsToTensor(rows: unknown, input: TensorSignature, signature: ModelSignature): Tensor {
  if (!Array.isArray(rows)) throw new BadInput(`${rows === undefined ? `input ${input.name} is missing` : `input ${input.name} is not a list`}: ${expectation(signature)}`);
  const shape = shapeOf(rows, input, signature);
  if (!fits(shape, input)) throw new BadInput(`input ${input.name} has the shape ${JSON.stringify(shape)}: ${expectation(signature)}`);
  return checked(() => tensorOf(`input ${input.name}`, input.datatype, shape, rows));
}

/** The shape that nested lists have; says which row breaks it. */
function shapeOf(rows: unknown[], { name }: TensorSignature, signature: ModelSignature): number[] {
  const shape: number[] = [];
  for (let level: unknown = rows; Array.isArray(level); level = level[0]) shape.push(level.length);
  const check = (value: unknown, depth: number, path: string): void => {
    const list = Array.isArray(value);
    if (list !== depth < shape.length || (list && value.length !== shape[depth])) throw new BadInput(`input ${name}${path} ${list ? `has ${value.length} values, the first has ${shape[depth] ?? 'none'}` : 'is not a list'}: ${expectation(signature)}`);
    if (list && depth + 1 < shape.length) for (const [i, inner] of value.entries()) check(inner, depth + 1, `${path}[${i}]`);
  };
  check(rows, 0, '');
  return shape;
}

interface InferRequest {
  id?: unknown;
  inputs?: unknown;
  outputs?: unknown;
}

/** Open Inference Protocol V2 in JSON: named tensors in, the wanted ones out, the id back. */
export async function inferTensors(body: unknown, model: { name: string; version: string; session: Session }): Promise<string> {
  const { id, inputs, outputs } = (typeof body === 'object' && body !== null ? body : {}) as InferRequest;
  const { signature } = model.session;
  if (!Array.isArray(inputs)) throw new BadInput('inputs must be a list of {name, shape, datatype, data}');
  const feeds = Object.fromEntries(inputs.map((input, i) => feed(input as Record<string, unknown>, i, signature)));
  const missing = signature.inputs.filter(({ name }) => !(name in feeds));
  if (missing.length > 0) throw new BadInput(`input ${missing.map(({ name }) => name).join(', ')} is missing`);
  const wanted = Array.isArray(outputs) ? outputs.map((output) => String((output as { name?: unknown }).name)) : signature.outputs.map(({ name }) => name);
  const strange = wanted.filter((name) => !signature.outputs.some((output) => output.name === name));
  if (strange.length > 0) throw new BadInput(`unknown output ${strange.join(', ')}; the model has ${signature.outputs.map(({ name }) => name).join(', ')}`);
  const results = await model.session.run(feeds, wanted);
  const tensors = wanted.map((name) => `{"name":${JSON.stringify(name)},"datatype":"${results[name]!.datatype}","shape":${JSON.stringify(results[name]!.shape)},"data":${flatJson(results[name]!)}}`);
  return `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}${typeof id === 'string' ? `,"id":${JSON.stringify(id)}` : ''},"outputs":[${tensors.join(',')}]}`;
}

function feed(input: Record<string, unknown> | null, i: number, { inputs }: ModelSignature): [string, Tensor] {
  const { name, shape, datatype, data } = input ?? {};
  const where = `inputs[${i}]`;
  const wanted = inputs.find((one) => one.name === name);
  if (!wanted) throw new BadInput(`${where}.name is ${JSON.stringify(name)}; the model has ${inputs.map((one) => one.name).join(', ')}`);
  if (datatype !== wanted.datatype) throw new BadInput(`${where}.datatype is ${JSON.stringify(datatype)}, ${wanted.name} is ${wanted.datatype}`);
  if (!Array.isArray(shape) || !shape.every((dimension) => Number.isInteger(dimension) && dimension >= 0)) throw new BadInput(`${where}.shape must be a list of whole numbers`);
  if (!fits(shape as number[], wanted)) throw new BadInput(`${where}.shape is ${JSON.stringify(shape)}, ${wanted.name} is ${JSON.stringify(wanted.shape)}`);
  if (!Array.isArray(data)) throw new BadInput(`${where}.data must be a list`);
  return [wanted.name, checked(() => tensorOf(`${where}.data`, wanted.datatype, shape as number[], data))];
}

function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof TensorError ? new BadInput(error.message) : error;
  }
}
