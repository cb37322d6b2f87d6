/** Tensors of the Open Inference Protocol: from the data of clients and scripts, and to and from onnxruntime. */
import type { TensorSignature } from '@penstock/contract';
import { TensorError } from './errors.ts';
import { fill, wrongValue, type NumberArray } from './fill.ts';

export type { NumberArray };

/** BYTES are texts, or bytes where they are not valid UTF-8. */
export type TensorData = NumberArray | (string | Uint8Array)[];

export interface Tensor {
  datatype: string;
  shape: number[];
  data: TensorData;
}

export type NamedTensor = Tensor & { name: string };

/** Data as a script writes it: a typed array, or numbers flat or nested like the shape. */
export type ScriptTensorData = TensorData | readonly unknown[];

const TYPES = {
  FP16: ['float16', Float16Array],
  FP32: ['float32', Float32Array],
  FP64: ['float64', Float64Array],
  INT8: ['int8', Int8Array],
  UINT8: ['uint8', Uint8Array],
  INT16: ['int16', Int16Array],
  UINT16: ['uint16', Uint16Array],
  INT32: ['int32', Int32Array],
  UINT32: ['uint32', Uint32Array],
  INT64: ['int64', BigInt64Array],
  UINT64: ['uint64', BigUint64Array],
  BOOL: ['bool', Uint8Array],
} as const;
type ArrayOf = (typeof TYPES)[keyof typeof TYPES][1];

/** onnxruntime's type names by Open Inference Protocol datatype, and the reverse. */
export const ORT_TYPE: Record<string, string> = {
  ...Object.fromEntries(Object.entries(TYPES).map(([datatype, [name]]) => [datatype, name])),
  BYTES: 'string',
};
export const DATATYPES: Partial<Record<string, string>> = Object.fromEntries(
  Object.entries(ORT_TYPE).map(([datatype, name]) => [name, datatype]),
);

/** The typed array of a datatype; undefined for BYTES and unknown datatypes. */
export const arrayOf = (datatype: string): ArrayOf | undefined =>
  (TYPES as Record<string, (typeof TYPES)[keyof typeof TYPES] | undefined>)[datatype]?.[1];

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, dimension) => product * dimension, 1);

const isTyped = (data: unknown): data is NumberArray => ArrayBuffer.isView(data) && !(data instanceof DataView);

/**
 * A tensor from numbers, booleans or strings, flat or nested. Throws TensorError that names the value that does not
 * fit.
 */
export function tensorOf(where: string, datatype: string, shape: number[], data: ScriptTensorData): Tensor {
  const type = arrayOf(datatype);
  if (!type && datatype !== 'BYTES') throw new TensorError(`${where} has the unknown datatype ${datatype}`);
  if (data instanceof DataView) throw new TensorError(`${where} is a DataView: give a typed array or a list`);
  const size = sizeOf(shape);
  if (isOfType(data, datatype))
    return { datatype, shape, data: data.length === size ? data : wrongSize(where, data.length, shape) };
  const values = valuesOf(where, data, { isText: !type, shape, size });
  if (values.length !== size) wrongSize(where, values.length, shape);
  if (type) return { datatype, shape, data: fill(where, datatype, new type(size), values) };
  return { datatype, shape, data: values.map((value, i) => textOrBytes(where, i, value)) };
}

/** Whether the data needs no conversion. BOOL does, because a Uint8Array may hold other values than 0 and 1. */
function isOfType(data: ScriptTensorData, datatype: string): data is NumberArray {
  const type = arrayOf(datatype);
  return type !== undefined && datatype !== 'BOOL' && isTyped(data) && data instanceof type;
}

function valuesOf(
  where: string,
  data: ScriptTensorData,
  { isText, shape, size }: { isText: boolean; shape: readonly number[]; size: number },
): readonly unknown[] {
  if (!isTyped(data)) return flatten(where, data, shape, size);
  return isText ? [data] : [...data]; // the bytes of one text, or numbers of another type
}

function textOrBytes(where: string, index: number, value: unknown): string | Uint8Array {
  const fits = typeof value === 'string' || value instanceof Uint8Array;
  return fits ? value : wrongValue(where, index, value, 'BYTES');
}

/**
 * The values of a flat list, or of lists that are nested like the shape. Lists of the innermost level may hold all
 * remaining dimensions flat.
 */
function flatten(where: string, data: readonly unknown[], shape: readonly number[], size: number): readonly unknown[] {
  const single = singleRow(data, shape);
  if (!Array.isArray(single[0])) return single.length === size ? single : wrongSize(where, single.length, shape);
  const lists = innermostLists(where, data, shape);
  if (lists.length === 1) return lists[0]!.length === size ? lists[0]! : wrongSize(where, lists[0]!.length, shape);
  assertLengths(where, lists, { length: size / lists.length, shape, depth: depthOf(lists.length, shape) });
  return lists.flat();
}

/** The inner list of leading dimensions of length 1; it needs no copy. */
function singleRow(data: readonly unknown[], shape: readonly number[]): readonly unknown[] {
  let [list, depth] = [data, 0];
  while (depth < shape.length - 1 && list.length === 1 && shape[depth] === 1 && Array.isArray(list[0]))
    [list, depth] = [list[0] as readonly unknown[], depth + 1];
  return list;
}

function innermostLists(
  where: string,
  data: readonly unknown[],
  shape: readonly number[],
): readonly (readonly unknown[])[] {
  let lists: readonly (readonly unknown[])[] = [data];
  for (let depth = 0; depth < shape.length - 1 && Array.isArray(lists[0]?.[0]); depth++) {
    assertLengths(where, lists, { length: shape[depth]!, shape, depth });
    const inner = lists.flat();
    const notList = inner.findIndex((one) => !Array.isArray(one));
    if (notList >= 0)
      throw new TensorError(`${where}${placeOf(notList, shape, depth + 1)} is not a list, the first of its row is`);
    lists = inner as unknown[][];
  }
  return lists;
}

function assertLengths(
  where: string,
  lists: readonly (readonly unknown[])[],
  { length, shape, depth }: { length: number; shape: readonly number[]; depth: number },
): void {
  const uneven = lists.findIndex((list) => list.length !== length);
  if (uneven >= 0)
    throw new TensorError(
      `${where}${placeOf(uneven, shape, depth)} has ${lists[uneven]!.length} values, shape [${shape.join(',')}] has ${length} there`,
    );
}

/** Number of dimensions whose product is `count`. */
function depthOf(count: number, shape: readonly number[]): number {
  let [depth, lists] = [0, 1];
  while (lists < count) lists *= shape[depth++]!;
  return depth;
}

/** `[1][0]`: the indexes of a list at a depth, from its index in row-major order. */
function placeOf(index: number, shape: readonly number[], depth: number): string {
  let [text, rest] = ['', index];
  for (let i = depth - 1; i >= 0; i--) {
    text = `[${rest % shape[i]!}]${text}`;
    rest = Math.floor(rest / shape[i]!);
  }
  return text;
}

function wrongSize(where: string, count: number, shape: readonly number[]): never {
  throw new TensorError(`${where} has ${count} values, shape [${shape.join(',')}] needs ${sizeOf(shape)}`);
}

/** Whether a concrete shape fits a signature, where -1 is any length. */
export function fits(shape: readonly number[], { shape: wanted }: TensorSignature): boolean {
  return shape.length === wanted.length && shape.every((dimension, i) => wanted[i] === -1 || wanted[i] === dimension);
}

/** Index of the first text that ONNX Runtime would silently change; -1 where there is none. */
export const unsupportedTextIndex = (data: readonly (string | Uint8Array)[]): number =>
  data.findIndex((text) => typeof text !== 'string' || text.includes('\0') || !text.isWellFormed());

export function fromOrt(value: { type: string; dims: readonly number[]; data: unknown }): Tensor {
  return { datatype: DATATYPES[value.type] ?? value.type, shape: [...value.dims], data: value.data as TensorData };
}
