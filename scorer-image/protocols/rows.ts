/** Rows of an ONNX model as JSON, on /score and /invocations: {"<input>": rows, …} to {"<output>": rows, …}. Pure. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';
import { fits, type NamedTensor, type Tensor } from '../tensor/tensor.ts';
import { nestedJson, nestedPieces } from '../tensor/tensorJson.ts';
import { checkTexts, clientTensor } from './clientTensor.ts';
import { LARGE_VALUES, type EncodedResponse } from './messages.ts';

/** Writes {"<output>": rows, …} at once, or in chunks where it is long, with the texts before and after it. */
export function encodeRows(
  results: readonly NamedTensor[],
  outputs: readonly TensorSignature[],
  [before, after]: [string, string] = ['', ''],
): EncodedResponse {
  const classes = outputs.find((output) => output.classes && !areNumbered(output.classes))?.classes;
  const end = `${classes && !outputs.some(({ name }) => name === 'classes') ? `,"classes":${JSON.stringify(classes)}` : ''}}${after}`;
  const values = results.reduce((sum, { data }) => sum + data.length, 0);
  if (values > LARGE_VALUES) return { body: '', chunks: rowChunks(results, `${before}{`, end) };
  let text = '';
  for (const result of results) text += `${text === '' ? '' : ','}${JSON.stringify(result.name)}:${nestedJson(result)}`;
  return { body: `${before}{${text}${end}` };
}

/**
 * Reads {"<input>": rows, …}: the rows of each input as a tensor. Throws BadInput for an input that is missing, unknown
 * or of another shape.
 */
export function decodeRows(body: unknown, signature: ModelSignature): NamedTensor[] {
  const { inputs } = signature;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new BadInput(`the body must be a JSON object: ${expectation(signature)}`);
  const given = body as Record<string, unknown>;
  const unknown = Object.keys(given).filter((name) => !inputs.some((input) => input.name === name));
  if (unknown.length > 0)
    throw new BadInput(`unknown input ${unknown.slice(0, 5).join(', ').slice(0, 200)}: ${expectation(signature)}`);
  return inputs.map((input) => ({
    name: input.name,
    ...rowsToTensor(Object.hasOwn(given, input.name) ? given[input.name] : undefined, input, signature),
  }));
}

function* rowChunks(results: readonly NamedTensor[], before: string, after: string): Generator<string> {
  let ahead = before;
  for (const result of results) {
    yield `${ahead}${JSON.stringify(result.name)}:`;
    yield* nestedPieces(result);
    ahead = ',';
  }
  yield after;
}

/** Classes 0, 1, 2, … say no more than the index of a column. */
const areNumbered = (classes: readonly (string | number)[]): boolean => classes.every((name, i) => name === i);

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
