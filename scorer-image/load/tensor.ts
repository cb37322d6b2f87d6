/** Tensors in the Open Inference Protocol's words, and their way to and from JSON, bytes and onnxruntime. */
import type { TensorSignature } from '@penstock/contract';

export type NumberArray = Float16Array | Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array;
export type TensorData = NumberArray | string[];

export interface Tensor {
  datatype: string;
  shape: number[];
  data: TensorData;
}

/** What a script may write as data, beside a typed array: numbers, flat or nested as the shape. */
export type LooseData = TensorData | readonly unknown[];

/** A client's or script's mistake in a tensor, with a sentence that names it. */
export class TensorError extends Error {}

const TYPES = {
  FP16: ['float16', Float16Array], FP32: ['float32', Float32Array], FP64: ['float64', Float64Array], INT8: ['int8', Int8Array], UINT8: ['uint8', Uint8Array], INT16: ['int16', Int16Array],
  UINT16: ['uint16', Uint16Array], INT32: ['int32', Int32Array], UINT32: ['uint32', Uint32Array], INT64: ['int64', BigInt64Array], UINT64: ['uint64', BigUint64Array], BOOL: ['bool', Uint8Array],
} as const;
type ArrayOf = (typeof TYPES)[keyof typeof TYPES][1];

/** onnxruntime's type name by Open Inference Protocol datatype, and back. */
export const ORT_TYPE: Record<string, string> = { ...Object.fromEntries(Object.entries(TYPES).map(([datatype, [name]]) => [datatype, name])), BYTES: 'string' };
export const DATATYPES: Partial<Record<string, string>> = Object.fromEntries(Object.entries(ORT_TYPE).map(([datatype, name]) => [name, datatype]));

/** The typed array of a datatype; undefined for BYTES and for what the protocol does not know. */
export const arrayOf = (datatype: string): ArrayOf | undefined => (TYPES as Record<string, (typeof TYPES)[keyof typeof TYPES] | undefined>)[datatype]?.[1];

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dimension) => product * dimension, 1);

const isTyped = (data: unknown): data is NumberArray => ArrayBuffer.isView(data);

/** Data of one datatype out of numbers, booleans or strings, flat or nested; says which value does not fit. */
export function tensorOf(where: string, datatype: string, shape: number[], data: LooseData): Tensor {
  const size = sizeOf(shape);
  if (isTyped(data)) return { datatype, shape, data: data.length === size ? data : tooFew(where, data.length, shape) };
  const values = flatten(where, data, shape, size);
  if (datatype === 'BYTES') return { datatype, shape, data: values.map((value, i) => (typeof value === 'string' ? value : wrong(where, i, value, datatype))) };
  const type = arrayOf(datatype);
  if (!type) throw new TensorError(`${where} has the unknown datatype ${datatype}`);
  return { datatype, shape, data: fill(where, datatype, new type(size), values) };
}

/** Nested lists are taken apart level by level, no deeper than the shape: what is deeper is no number, and told as such. */
function flatten(where: string, data: readonly unknown[], shape: readonly number[], size: number): readonly unknown[] {
  let values = data;
  for (let depth = 1; depth < shape.length && values.length <= size && Array.isArray(values[0]); depth++) values = values.length === 1 ? (values[0] as readonly unknown[]) : values.flat(); // one row needs no copy
  return values.length === size ? values : tooFew(where, values.length, shape);
}

function tooFew(where: string, count: number, shape: readonly number[]): never {
  throw new TensorError(`${where} has ${count} values, shape [${shape.join(',')}] needs ${sizeOf(shape)}`);
}

function fill<T extends NumberArray>(where: string, datatype: string, target: T, values: readonly unknown[]): T {
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) {
      const value = bigint(values[i]);
      if (value === undefined) wrong(where, i, values[i], datatype);
      target[i] = value;
      if (target[i] !== value) wrong(where, i, values[i], datatype); // it wrapped around
    }
  } else if (datatype === 'BOOL') for (let i = 0; i < values.length; i++) target[i] = boolean(values[i]) ?? wrong(where, i, values[i], datatype);
  else {
    const floating = datatype.startsWith('FP');
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value !== 'number') wrong(where, i, value, datatype);
      target[i] = value;
      // 1e400 and, in FP32, 1e39 became Infinity; 300 became 44 in INT8
      if (floating ? !Number.isFinite(target[i]) : target[i] !== value) wrong(where, i, value, datatype);
    }
  }
  return target;
}

const boolean = (value: unknown): 0 | 1 | undefined => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined);

function bigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function wrong(where: string, index: number, value: unknown, datatype: string): never {
  const text = typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : typeof value === 'bigint' || typeof value === 'number' ? String(value) : JSON.stringify(value);
  throw new TensorError(`${where} has ${text.slice(0, 60)} at place ${index}, which is not ${datatype}`);
}

/** Whether a concrete shape fits a signature's, where -1 takes anything. */
export function fits(shape: readonly number[], { shape: wanted }: TensorSignature): boolean {
  return shape.length === wanted.length && shape.every((dimension, i) => wanted[i] === -1 || wanted[i] === dimension);
}

export function fromOrt(value: { type: string; dims: readonly number[]; data: unknown }): Tensor {
  return { datatype: DATATYPES[value.type] ?? value.type, shape: [...value.dims], data: value.data as TensorData };
}

/** JSON of a tensor's values, flat; 64-bit integers exact, NaN and infinities as null (JSON has none). */
export function flatJson({ data, datatype }: Tensor): string {
  return `[${items(data, datatype, 0, data.length)}]`;
}

/** JSON of a tensor's values, nested by its shape. */
export function nestedJson({ data, shape, datatype }: Tensor): string {
  let at = 0;
  const level = (depth: number): string => {
    const length = shape[depth]!;
    if (depth === shape.length - 1) {
      at += length;
      return `[${items(data, datatype, at - length, at)}]`;
    }
    let text = '';
    for (let i = 0; i < length; i++) text += i === 0 ? level(depth + 1) : `,${level(depth + 1)}`;
    return `[${text}]`;
  };
  return shape.length === 0 ? items(data, datatype, 0, 1) : level(0);
}

function items(data: TensorData, datatype: string, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const value = data[i]!;
    if (i > from) text += ',';
    if (datatype === 'BOOL') text += value ? 'true' : 'false';
    else if (typeof value === 'number') text += Number.isFinite(value) ? String(value) : 'null';
    else text += typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  }
  return text;
}
