/** Fills typed arrays with the values of clients and scripts, and refuses values that would change. Pure. */
import { TensorError } from './errors.ts';

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

/** Converts values to the datatype of `target`. Throws TensorError that names the value that does not fit. */
export function fill<T extends NumberArray>(where: string, datatype: string, target: T, values: readonly unknown[]): T {
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) fillBigints(where, datatype, target, values);
  else if (datatype === 'BOOL') fillBooleans(where, target as Uint8Array, values);
  else if (datatype.startsWith('FP')) fillFloats(where, datatype, target as Float32Array, values);
  else fillIntegers(where, datatype, target as Int32Array, values);
  return target;
}

function fillBigints(
  where: string,
  datatype: string,
  target: BigInt64Array | BigUint64Array,
  values: readonly unknown[],
): void {
  for (let i = 0; i < values.length; i++) {
    const value = bigint(values[i]);
    if (value === undefined) wrongValue(where, i, values[i], datatype);
    target[i] = value;
    if (target[i] !== value) wrongValue(where, i, values[i], datatype); // it wrapped around
  }
}

function fillBooleans(where: string, target: Uint8Array, values: readonly unknown[]): void {
  for (let i = 0; i < values.length; i++) target[i] = boolean(values[i]) ?? wrongValue(where, i, values[i], 'BOOL');
}

/** 1e39 becomes Infinity in FP32, and is refused. */
function fillFloats(where: string, datatype: string, target: Float32Array, values: readonly unknown[]): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const given = typeof value === 'number' ? value : (real(value) ?? wrongValue(where, i, value, datatype));
    target[i] = given;
    if (!Number.isFinite(target[i]) && Number.isFinite(given)) wrongValue(where, i, value, datatype);
  }
}

/** 300 becomes 44 in INT8, and is refused. */
function fillIntegers(where: string, datatype: string, target: Int32Array, values: readonly unknown[]): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const given = typeof value === 'number' ? value : (whole(value) ?? wrongValue(where, i, value, datatype));
    target[i] = given;
    if (target[i] !== given) wrongValue(where, i, value, datatype);
  }
}

function boolean(value: unknown): 0 | 1 | undefined {
  if (value === true || value === 1) return 1;
  return value === false || value === 0 ? 0 : undefined;
}

/**
 * For floating-point tensors: null is a missing value, true and false are 1 and 0, and long integers are rounded as
 * JSON numbers are.
 */
const real = (value: unknown): number | undefined => (value === null ? NaN : whole(value));

function whole(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

function bigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

export function wrongValue(where: string, index: number, value: unknown, datatype: string): never {
  throw new TensorError(`${where} has ${describe(value).slice(0, 60)} at place ${index}, which is not ${datatype}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  // JSON.stringify returns undefined for these.
  const hasNoJson = value === undefined || typeof value === 'function' || typeof value === 'symbol';
  return hasNoJson ? String(value) : JSON.stringify(value);
}
