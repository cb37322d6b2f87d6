/** Tensors in the Open Inference Protocol's words, and their way to and from JSON and onnxruntime. */
import type { TensorSignature } from '@penstock/contract';

export type TensorData = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array | string[];

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
  FP32: ['float32', Float32Array], FP64: ['float64', Float64Array], INT8: ['int8', Int8Array], UINT8: ['uint8', Uint8Array], INT16: ['int16', Int16Array], UINT16: ['uint16', Uint16Array],
  INT32: ['int32', Int32Array], UINT32: ['uint32', Uint32Array], INT64: ['int64', BigInt64Array], UINT64: ['uint64', BigUint64Array], BOOL: ['bool', Uint8Array],
} as const;
export type Datatype = keyof typeof TYPES | 'BYTES';

/** onnxruntime's type name by Open Inference Protocol datatype, and back. */
export const ORT_TYPE: Record<string, string> = { ...Object.fromEntries(Object.entries(TYPES).map(([datatype, [name]]) => [datatype, name])), BYTES: 'string' };
export const DATATYPES: Partial<Record<string, string>> = Object.fromEntries(Object.entries(ORT_TYPE).map(([datatype, name]) => [name, datatype]));

const isTyped = (data: unknown): data is TensorData => ArrayBuffer.isView(data);

/** Data of one datatype out of numbers, booleans or strings, flat or nested; says which value does not fit. */
export function tensorOf(where: string, datatype: string, shape: number[], data: LooseData): Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const flat: readonly unknown[] | TensorData = isTyped(data) ? data : data.flat(Infinity);
  if (flat.length !== size) throw new TensorError(`${where} has ${flat.length} values, shape [${shape.join(',')}] needs ${size}`);
  if (isTyped(flat)) return { datatype, shape, data: flat };
  if (datatype === 'BYTES') return { datatype, shape, data: flat.map((value, i) => typeof value === 'string' ? value : wrong(where, i, value, datatype)) };
  const type = TYPES[datatype as keyof typeof TYPES] as (typeof TYPES)[keyof typeof TYPES] | undefined;
  if (!type) throw new TensorError(`${where} has the unknown datatype ${datatype}`);
  return { datatype, shape, data: fill(where, datatype, new type[1](size), flat) };
}

function fill<T extends Exclude<TensorData, string[]>>(where: string, datatype: string, target: T, values: readonly unknown[]): T {
  const big = target instanceof BigInt64Array || target instanceof BigUint64Array;
  for (const [i, value] of values.entries()) {
    const number = datatype === 'BOOL' ? boolean(value) : value;
    if (big) target[i] = bigint(number) ?? wrong(where, i, value, datatype);
    else target[i] = typeof number === 'number' && (datatype.startsWith('FP') || Number.isInteger(number)) ? number : wrong(where, i, value, datatype);
  }
  return target;
}

const boolean = (value: unknown): unknown => (typeof value === 'boolean' ? Number(value) : value === 0 || value === 1 ? value : undefined);

function bigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function wrong(where: string, index: number, value: unknown, datatype: string): never {
  throw new TensorError(`${where} has ${typeof value === 'object' ? 'an object' : JSON.stringify(value)} at place ${index}, which is not ${datatype}`);
}

/** Whether a concrete shape fits a signature's, where -1 takes anything. */
export function fits(shape: number[], { shape: wanted }: TensorSignature): boolean {
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
    if (depth === shape.length - 1) {
      const from = at;
      at += shape[depth]!;
      return `[${items(data, datatype, from, at)}]`;
    }
    return `[${Array.from({ length: shape[depth]! }, () => level(depth + 1)).join(',')}]`;
  };
  return shape.length === 0 ? items(data, datatype, 0, 1) : level(0);
}

function items(data: TensorData, datatype: string, from: number, to: number): string {
  const parts: string[] = [];
  for (let i = from; i < to; i++) {
    const value = data[i]!;
    if (typeof value === 'bigint') parts.push(value.toString());
    else if (datatype === 'BOOL') parts.push(value ? 'true' : 'false');
    else parts.push(JSON.stringify(value));
  }
  return parts.join(',');
}
