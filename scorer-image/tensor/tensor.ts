/** Tensors in the Open Inference Protocol's words: out of what clients and scripts write, and to and from onnxruntime. */
import type { TensorSignature } from '@penstock/contract';

export type NumberArray =
  | Float16Array
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
/** BYTES are texts, or bytes where they are not valid UTF-8. */
export type TensorData = NumberArray | (string | Uint8Array)[];

export interface Tensor {
  datatype: string;
  shape: number[];
  data: TensorData;
}

/** What a script may write as data, beside a typed array: numbers, flat or nested as the shape. */
export type ScriptTensorData = TensorData | readonly unknown[];

/** A client's or script's mistake in a tensor, with a sentence that names it. */
export class TensorError extends Error {}

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

/** onnxruntime's type name by Open Inference Protocol datatype, and back. */
export const ORT_TYPE: Record<string, string> = {
  ...Object.fromEntries(Object.entries(TYPES).map(([datatype, [name]]) => [datatype, name])),
  BYTES: 'string',
};
export const DATATYPES: Partial<Record<string, string>> = Object.fromEntries(
  Object.entries(ORT_TYPE).map(([datatype, name]) => [name, datatype]),
);

/** The typed array of a datatype; undefined for BYTES and for what the protocol does not know. */
export const arrayOf = (datatype: string): ArrayOf | undefined =>
  (TYPES as Record<string, (typeof TYPES)[keyof typeof TYPES] | undefined>)[datatype]?.[1];

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, dimension) => product * dimension, 1);

const isTyped = (data: unknown): data is NumberArray => ArrayBuffer.isView(data) && !(data instanceof DataView);

/** Data of one datatype out of numbers, booleans or strings, flat or nested; says which value does not fit. Throws TensorError. */
export function tensorOf(where: string, datatype: string, shape: number[], data: ScriptTensorData): Tensor {
  const size = sizeOf(shape);
  const type = arrayOf(datatype);
  if (!type && datatype !== 'BYTES') throw new TensorError(`${where} has the unknown datatype ${datatype}`);
  if (data instanceof DataView) throw new TensorError(`${where} is a DataView: give a typed array or a list`);
  if (isTyped(data) && type && datatype !== 'BOOL' && data instanceof type)
    return { datatype, shape, data: data.length === size ? data : wrongSize(where, data.length, shape) };
  const values = isTyped(data) ? (type ? [...data] : [data]) : flatten(where, data, shape, size); // the bytes of one text, or numbers of another type
  if (datatype === 'BYTES')
    return {
      datatype,
      shape,
      data: (values.length === size ? values : wrongSize(where, values.length, shape)).map((value, i) =>
        typeof value === 'string' || value instanceof Uint8Array ? value : wrongValue(where, i, value, datatype),
      ),
    };
  if (values.length !== size) wrongSize(where, values.length, shape);
  return { datatype, shape, data: fill(where, datatype, new type!(size), values) };
}

/** Values of a flat list, or of lists that are nested as the shape is: each as long as its dimension, the innermost as long as all that are left. */
function flatten(where: string, data: readonly unknown[], shape: readonly number[], size: number): readonly unknown[] {
  let [first, ones] = [data, 0]; // one row needs no copy
  while (ones < shape.length - 1 && first.length === 1 && shape[ones] === 1 && Array.isArray(first[0]))
    [first, ones] = [first[0] as readonly unknown[], ones + 1];
  if (!Array.isArray(first[0])) return first.length === size ? first : wrongSize(where, first.length, shape);
  let lists: readonly (readonly unknown[])[] = [data];
  for (let depth = 0; depth < shape.length - 1 && Array.isArray(lists[0]?.[0]) && data.length > 0; depth++) {
    const uneven = lists.findIndex((list) => list.length !== shape[depth]);
    if (uneven >= 0)
      throw new TensorError(
        `${where}${placeOf(uneven, shape, depth)} has ${lists[uneven]!.length} values, shape [${shape.join(',')}] has ${shape[depth]!} there`,
      );
    const inner = lists.flat();
    const single = inner.findIndex((one) => !Array.isArray(one));
    if (single >= 0)
      throw new TensorError(`${where}${placeOf(single, shape, depth + 1)} is not a list, the first of its row is`);
    lists = inner as unknown[][];
  }
  if (lists.length === 1) return lists[0]!.length === size ? lists[0]! : wrongSize(where, lists[0]!.length, shape);
  const width = size / lists.length;
  const uneven = lists.findIndex((list) => list.length !== width);
  if (uneven >= 0)
    throw new TensorError(
      `${where}${placeOf(uneven, shape, depthOf(lists.length, shape))} has ${lists[uneven]!.length} values, shape [${shape.join(',')}] has ${width} there`,
    );
  return lists.flat();
}

/** How many dimensions make so many lists. */
function depthOf(count: number, shape: readonly number[]): number {
  let [depth, lists] = [0, 1];
  while (lists < count) lists *= shape[depth++]!;
  return depth;
}

/** `[1][0]`: the place of a list at a depth, counted in row-major order. */
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

function fill<T extends NumberArray>(where: string, datatype: string, target: T, values: readonly unknown[]): T {
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) {
      const value = bigint(values[i]);
      if (value === undefined) wrongValue(where, i, values[i], datatype);
      target[i] = value;
      if (target[i] !== value) wrongValue(where, i, values[i], datatype); // it wrapped around
    }
  } else if (datatype === 'BOOL')
    for (let i = 0; i < values.length; i++) target[i] = boolean(values[i]) ?? wrongValue(where, i, values[i], datatype);
  else {
    const floating = datatype.startsWith('FP');
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const given = typeof value === 'number' ? value : floating ? real(value) : whole(value);
      if (given === undefined) wrongValue(where, i, value, datatype);
      target[i] = given;
      // In FP32, 1e39 became Infinity; 300 became 44 in INT8
      if (floating ? !Number.isFinite(target[i]) && Number.isFinite(given) : target[i] !== given)
        wrongValue(where, i, value, datatype);
    }
  }
  return target;
}

const boolean = (value: unknown): 0 | 1 | undefined =>
  value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined;

/** For floating-point tensors: null is a missing value, true and false are 1 and 0, and whole numbers of any length are rounded as JSON numbers are. */
const real = (value: unknown): number | undefined => (value === null ? NaN : whole(value));
const whole = (value: unknown): number | undefined =>
  value === true ? 1 : value === false ? 0 : typeof value === 'bigint' ? Number(value) : undefined;

function bigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function wrongValue(where: string, index: number, value: unknown, datatype: string): never {
  const text =
    typeof value === 'object' && value !== null
      ? Array.isArray(value)
        ? 'a list'
        : 'an object'
      : typeof value === 'bigint' || typeof value === 'number'
        ? String(value)
        : ((JSON.stringify(value) as string | undefined) ?? String(value));
  throw new TensorError(`${where} has ${text.slice(0, 60)} at place ${index}, which is not ${datatype}`);
}

/** Whether a concrete shape fits a signature's, where -1 takes anything. */
export function fits(shape: readonly number[], { shape: wanted }: TensorSignature): boolean {
  return shape.length === wanted.length && shape.every((dimension, i) => wanted[i] === -1 || wanted[i] === dimension);
}

/** Texts as ONNX Runtime takes them; the place of the first that it would change without a word. */
export const unsupportedTextIndex = (data: readonly (string | Uint8Array)[]): number =>
  data.findIndex((text) => typeof text !== 'string' || text.includes('\0') || !text.isWellFormed());

export function fromOrt(value: { type: string; dims: readonly number[]; data: unknown }): Tensor {
  return { datatype: DATATYPES[value.type] ?? value.type, shape: [...value.dims], data: value.data as TensorData };
}
