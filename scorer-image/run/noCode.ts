/** One ONNX model served without a script: {"data": rows} on /score, tensors by name on the V2 protocol. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { BadInput } from '../load/json.ts';
import type { Session } from '../load/session.ts';
import { fits, nestedJson, type Tensor } from '../load/tensor.ts';
import { clientsTensor, encodeInfer, type InferAnswer, type InferRequest } from './protocol.ts';

/** Azure's dialect: `{"data": rows}` with one input, `{"<input>": rows, …}` with any; answers `{"<output>": rows, …}`. */
export async function scoreRows(body: unknown, session: Session): Promise<{ body: string }> {
  const { inputs } = session.signature;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new BadInput(`the body must be a JSON object: ${expectation(session.signature)}`);
  const given = body as Record<string, unknown>;
  const asData = inputs.length === 1 && Object.hasOwn(given, 'data') && !Object.hasOwn(given, inputs[0]!.name);
  const unknown = asData ? [] : Object.keys(given).filter((name) => !inputs.some((input) => input.name === name)); // beside data stand Azure's method and GlobalParameters
  if (unknown.length > 0) throw new BadInput(`unknown input ${unknown.slice(0, 5).join(', ').slice(0, 200)}: ${expectation(session.signature)}`);
  const feeds: Record<string, Tensor> = {};
  for (const input of inputs) {
    const name = asData ? 'data' : input.name;
    feeds[input.name] = rowsToTensor(Object.hasOwn(given, name) ? given[name] : undefined, input, session.signature);
  }
  let results: Record<string, Tensor>;
  try {
    results = await session.run(feeds);
  } catch (error) {
    throw refused(error);
  }
  let text = '';
  for (const name of Object.keys(results)) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${nestedJson(results[name]!)}`;
  return { body: `{${text}}` };
}

/** With open dimensions only the model itself finds out that shapes or values do not fit: the client's to change. */
function refused(error: unknown): unknown {
  const byModel = error instanceof Error && /Non-zero status code returned while running|invalid dimensions|Invalid rank/i.test(error.message);
  return byModel ? new BadInput('the model cannot run on this input: its dimensions or values do not fit together') : error;
}

function expectation({ inputs }: ModelSignature): string {
  const describe = ({ name, datatype, shape }: TensorSignature): string => `${name}: ${datatype}${JSON.stringify(shape)}`;
  const example = inputs.length === 1 ? '{"data": rows}' : `{${inputs.map(({ name }) => `"${name}": rows`).join(', ')}}`;
  return `expected ${example} with ${inputs.map(describe).join(', ')}`;
}

function rowsToTensor(rows: unknown, input: TensorSignature, signature: ModelSignature): Tensor {
  if (!Array.isArray(rows)) throw new BadInput(`${rows === undefined ? `input ${input.name} is missing` : `input ${input.name} is not a list`}: ${expectation(signature)}`);
  const shape = shapeOf(rows, input.shape.length);
  if (!fits(shape, input)) throw new BadInput(`input ${input.name} has the shape ${JSON.stringify(shape)}: ${expectation(signature)}`);
  if (shape.length > 1) regular(rows, shape, { name: input.name, signature });
  return clientsTensor(`input ${input.name}`, input.datatype, shape, rows);
}

/** The shape that the first of each level has, one level deeper than the model wants at most. */
function shapeOf(rows: readonly unknown[], rank: number): number[] {
  const shape: number[] = [];
  for (let level: unknown = rows; Array.isArray(level) && shape.length <= rank; level = level[0]) shape.push(level.length);
  return shape;
}

/** Throws BadInput for the list that is not as long as the first of its level. */
function regular(rows: readonly unknown[], shape: readonly number[], { name, signature }: { name: string; signature: ModelSignature }): void {
  const check = (lists: readonly unknown[], depth: number, path: string): void => {
    for (let i = 0; i < lists.length; i++) {
      const list = lists[i];
      const at = (): string => `input ${name}${path}[${i}]`;
      if (!Array.isArray(list)) throw new BadInput(`${at()} is not a list: ${expectation(signature)}`);
      if (list.length !== shape[depth]) throw new BadInput(`${at()} has ${list.length} values, the first has ${shape[depth]!}: ${expectation(signature)}`);
      if (depth + 1 < shape.length) check(list, depth + 1, `${path}[${i}]`);
    }
  };
  check(rows, 1, '');
}

/** Open Inference Protocol V2: named tensors in, the wanted ones out, the id back. */
export async function inferTensors(request: InferRequest, model: { name: string; version: string; session: Session }): Promise<InferAnswer> {
  const { signature } = model.session;
  const feeds = Object.fromEntries(request.inputs.map((input, i) => [input.name, suited(input, `inputs[${i}]`, signature)]));
  const missing = signature.inputs.filter(({ name }) => !Object.hasOwn(feeds, name));
  if (missing.length > 0) throw new BadInput(`input ${missing.map(({ name }) => name).join(', ')} is missing`);
  const wanted = request.outputs?.map(({ name }) => name) ?? signature.outputs.map(({ name }) => name);
  const strange = wanted.filter((name) => !signature.outputs.some((output) => output.name === name));
  if (strange.length > 0) throw new BadInput(`unknown output ${strange.slice(0, 5).join(', ').slice(0, 200)}; the model has ${signature.outputs.map(({ name }) => name).join(', ')}`);
  const results = await model.session.run(feeds, wanted).catch((error: unknown) => { throw refused(error); });
  return encodeInfer(request, model, wanted.map((name) => ({ name, ...results[name]! })));
}

function suited(input: InferRequest['inputs'][number], where: string, { inputs }: ModelSignature): Tensor {
  const { name, datatype, shape, data } = input;
  const wanted = inputs.find((one) => one.name === name);
  if (!wanted) throw new BadInput(`${where}.name is ${JSON.stringify(name.slice(0, 60))}; the model has ${inputs.map((one) => one.name).join(', ')}`);
  if (datatype !== wanted.datatype) throw new BadInput(`${where}.datatype is ${datatype}, ${wanted.name} is ${wanted.datatype}`);
  if (!fits(shape, wanted)) throw new BadInput(`${where}.shape is [${shape.slice(0, 16).join(',')}], ${wanted.name} is [${wanted.shape.join(',')}]`);
  return { datatype, shape, data };
}
