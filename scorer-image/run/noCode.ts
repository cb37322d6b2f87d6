/** One ONNX model without a script: rows on /score, named tensors on the V2 protocol. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';
import type { Feeds } from '../tensor/rows.ts';
import type { Session } from '../model/session.ts';
import { fits, sizeOf, unsupportedTextIndex, type Tensor } from '../tensor/tensor.ts';
import { nestedJson, nestedPieces } from '../tensor/tensorJson.ts';
import { LARGE_BYTES, LargeResponses } from './largeResponses.ts';
import type { Chunks } from './chunks.ts';
import { clientTensor, type InferRequest } from './inferRequest.ts';
import { encodeInfer, LARGE_VALUES, type InferResponse } from './inferResponse.ts';

const large = new LargeResponses();

export interface ServedSession {
  session: Session;
  /** How long a request waits for the memory of a large response (milliseconds). */
  maxQueueWaitMs: number;
}

export interface RowsResponse {
  body: string;
  chunks?: Chunks;
  /** Call it when the response was sent. */
  release?: () => void;
}

/** From {"<input>": rows, …} to {"<output>": rows, …}. `ends`: the text before and after it. */
export function scoreRows(
  body: unknown,
  served: ServedSession,
  ends: [string, string] = ['', ''],
): Promise<RowsResponse> {
  const { signature } = served.session;
  return runWithinMemory(served, { feeds: feedsOf(body, signature) }, (results) =>
    encodeRows(results, signature.outputs, ends),
  );
}

/**
 * Runs the model once there is memory for its response. A chunked response keeps the memory until `release` is called.
 */
async function runWithinMemory<A extends { chunks?: Chunks }>(
  { session, maxQueueWaitMs }: ServedSession,
  { feeds, outputs }: { feeds: Feeds; outputs?: string[] },
  encode: (results: Feeds) => A,
): Promise<A & { release?: () => void }> {
  const held = reserveMemory(session, feeds, maxQueueWaitMs);
  const release = held && (await held);
  try {
    const answer = encode(
      await session.run(feeds, outputs).catch((error: unknown) => {
        throw asClientError(error);
      }),
    );
    if (answer.chunks && release) return { ...answer, release };
    release?.();
    return answer;
  } catch (error) {
    release?.();
    throw error;
  }
}

/** The response at once, or in chunks where it is long. */
function encodeRows(
  results: Record<string, Tensor>,
  outputs: readonly TensorSignature[],
  [before, after]: [string, string],
): RowsResponse {
  const classes = outputs.find((output) => output.classes && !areNumbered(output.classes))?.classes;
  const end = `${classes && !outputs.some(({ name }) => name === 'classes') ? `,"classes":${JSON.stringify(classes)}` : ''}}${after}`;
  const values = Object.values(results).reduce((sum, { data }) => sum + data.length, 0);
  if (values > LARGE_VALUES) return { body: '', chunks: rowChunks(results, `${before}{`, end) };
  let text = '';
  for (const name of Object.keys(results))
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${nestedJson(results[name]!)}`;
  return { body: `${before}{${text}${end}` };
}

/** The rows of each input as a tensor. Throws BadInput for an input that is missing, unknown or of another shape. */
function feedsOf(body: unknown, signature: ModelSignature): Record<string, Tensor> {
  const { inputs } = signature;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadInput(`the body must be a JSON object: ${expectation(signature)}`);
  const given = body as Record<string, unknown>;
  const unknown = Object.keys(given).filter((name) => !inputs.some((input) => input.name === name));
  if (unknown.length > 0)
    throw new BadInput(`unknown input ${unknown.slice(0, 5).join(', ').slice(0, 200)}: ${expectation(signature)}`);
  const feeds: Record<string, Tensor> = {};
  for (const input of inputs)
    feeds[input.name] = rowsToTensor(
      Object.hasOwn(given, input.name) ? given[input.name] : undefined,
      input,
      signature,
    );
  return feeds;
}

function* rowChunks(results: Record<string, Tensor>, before: string, after: string): Generator<string> {
  let ahead = before;
  for (const name of Object.keys(results)) {
    yield `${ahead}${JSON.stringify(name)}:`;
    yield* nestedPieces(results[name]!);
    ahead = ',';
  }
  yield after;
}

/** Classes 0, 1, 2, … say no more than the index of a column. */
const areNumbered = (classes: readonly (string | number)[]): boolean => classes.every((name, i) => name === i);

/** Waits for memory where the model has large results. Resolves with the function that releases it. */
function reserveMemory(
  session: Session,
  feeds: Record<string, Tensor>,
  waitMs: number,
): Promise<() => void> | undefined {
  const expected = session.resultBytes?.(Object.values(feeds)[0]?.shape[0] ?? 1) ?? 0;
  return expected < LARGE_BYTES ? undefined : large.reserve(expected, waitMs);
}

/**
 * With open dimensions only the model itself can tell that shapes or values do not fit: that is the client's mistake.
 */
function asClientError(error: unknown): unknown {
  const byModel =
    error instanceof Error &&
    /Non-zero status code returned while running|invalid dimensions|Invalid rank/i.test(error.message);
  return byModel
    ? new BadInput('the model cannot run on this input: its dimensions or values do not fit together')
    : error;
}

function expectation({ inputs }: ModelSignature): string {
  const describe = ({ name, datatype, shape }: TensorSignature): string =>
    `${name}: ${datatype}${JSON.stringify(shape)}`;
  const example =
    inputs.length === 1 ? '{"data": rows}' : `{${inputs.map(({ name }) => `"${name}": rows`).join(', ')}}`;
  return `expected ${example} with ${inputs.map(describe).join(', ')}`;
}

function rowsToTensor(rows: unknown, input: TensorSignature, signature: ModelSignature): Tensor {
  if (input.shape.length === 0 && rows !== undefined && !Array.isArray(rows))
    return checkTexts(`input ${input.name}`, clientTensor(`input ${input.name}`, input.datatype, [], [rows]));
  if (!Array.isArray(rows))
    throw new BadInput(
      `${rows === undefined ? `input ${input.name} is missing` : `input ${input.name} is not a list`}: ${expectation(signature)}`,
    );
  const shape = shapeOf(rows, input.shape.length);
  if (!fits(shape, input))
    throw new BadInput(`input ${input.name} has the shape ${JSON.stringify(shape)}: ${expectation(signature)}`);
  if (shape.length > 1) assertRectangular(rows, shape, { name: input.name, signature });
  return checkTexts(`input ${input.name}`, clientTensor(`input ${input.name}`, input.datatype, shape, rows));
}

/** ONNX Runtime takes NUL-terminated UTF-8, and would silently cut or change other texts. */
function checkTexts(where: string, tensor: Tensor): Tensor {
  if (tensor.datatype !== 'BYTES') return tensor;
  const place = unsupportedTextIndex(tensor.data as (string | Uint8Array)[]);
  if (place >= 0)
    throw new BadInput(
      `${where} has a text at place ${place} that an ONNX model cannot take: it must be valid UTF-8 without NUL`,
    );
  return tensor;
}

/** The shape by the first item of each level, at most one level deeper than `rank`. */
function shapeOf(rows: readonly unknown[], rank: number): number[] {
  const shape: number[] = [];
  for (let level: unknown = rows; Array.isArray(level) && shape.length <= rank; level = level[0])
    shape.push(level.length);
  return shape;
}

/** Throws BadInput for a list of another length than the first list of its level. */
function assertRectangular(
  rows: readonly unknown[],
  shape: readonly number[],
  { name, signature }: { name: string; signature: ModelSignature },
): void {
  const check = (lists: readonly unknown[], depth: number, path: string): void => {
    for (let i = 0; i < lists.length; i++) {
      const list = lists[i];
      const at = (): string => `input ${name}${path}[${i}]`;
      if (!Array.isArray(list)) throw new BadInput(`${at()} is not a list: ${expectation(signature)}`);
      if (list.length !== shape[depth])
        throw new BadInput(
          `${at()} has ${list.length} values, the first has ${shape[depth]!}: ${expectation(signature)}`,
        );
      if (depth + 1 < shape.length) check(list, depth + 1, `${path}[${i}]`);
    }
  };
  check(rows, 1, '');
}

/** Open Inference Protocol V2: from named input tensors to the requested outputs, with the id. */
export async function inferTensors(
  request: InferRequest,
  model: ServedSession & { name: string; version: string },
): Promise<InferResponse & { release?: () => void }> {
  const { signature } = model.session;
  const feeds = Object.fromEntries(
    request.inputs.map((input, i) => [input.name, validateInput(input, `inputs[${i}]`, signature)]),
  );
  const missing = signature.inputs.filter(({ name }) => !Object.hasOwn(feeds, name));
  if (missing.length > 0) throw new BadInput(`input ${missing.map(({ name }) => name).join(', ')} is missing`);
  const wanted = request.outputs?.map(({ name }) => name) ?? signature.outputs.map(({ name }) => name);
  const unknownOutputs = wanted.filter((name) => !signature.outputs.some((output) => output.name === name));
  if (unknownOutputs.length > 0)
    throw new BadInput(
      `unknown output ${unknownOutputs.slice(0, 5).join(', ').slice(0, 200)}; the model has ${signature.outputs.map(({ name }) => name).join(', ')}`,
    );
  return runWithinMemory(model, { feeds, outputs: wanted }, (results) =>
    encodeInfer(
      request,
      model,
      wanted.map((name) => ({ name, ...results[name]! })),
    ),
  );
}

function validateInput(input: InferRequest['inputs'][number], where: string, { inputs }: ModelSignature): Tensor {
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
  return checkTexts(`${where}.data`, { datatype, shape: single ? [] : shape, data });
}
