/** Rows of tensors: concatenated, sliced, and compared. Pure. */
import { arrayOf, type Tensor } from './tensor.ts';

export type Feeds = Record<string, Tensor>;

/** Concatenates the feeds of several calls. */
export function join(many: readonly Feeds[]): Feeds {
  return Object.fromEntries(
    Object.entries(many[0]!).map(([name, { datatype, shape }]) => {
      const parts = many.map((feeds) => feeds[name]!);
      const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
      return [name, { datatype, shape: [rows, ...shape.slice(1)], data: joined(datatype, parts) }];
    }),
  );
}

function joined(datatype: string, parts: readonly Tensor[]): Tensor['data'] {
  const type = arrayOf(datatype);
  if (!type) return parts.flatMap(({ data }) => data as string[]);
  const whole = new type(parts.reduce((sum, { data }) => sum + data.length, 0)) as Float32Array;
  let at = 0;
  for (const { data } of parts) {
    whole.set(data as Float32Array, at);
    at += data.length;
  }
  return whole;
}

/** Rows `from` to `to` of each tensor; numbers are not copied. */
export function slice(results: Feeds, from: number, to: number): Feeds {
  const part: Feeds = {};
  for (const name of Object.keys(results)) {
    const { datatype, shape, data } = results[name]!;
    const width = data.length / shape[0]!;
    const rows = Array.isArray(data)
      ? data.slice(from * width, to * width)
      : (data as Float32Array).subarray(from * width, to * width);
    part[name] = { datatype, shape: shape.with(0, to - from), data: rows };
  }
  return part;
}

/** Bytes of all numbers, plus the characters of all texts. */
export const bytesIn = (results: Feeds): number =>
  Object.values(results).reduce(
    (sum, { data }) => sum + (Array.isArray(data) ? data.reduce((all, text) => all + text.length, 0) : data.byteLength),
    0,
  );

/** Rounding difference that kernels may have for another number of rows, relative to the largest value. */
const ROUNDING = 1e-3;

/**
 * The first difference between the batched and the single result; undefined where they are equal except for rounding.
 */
export function difference(together: Feeds, alone: Feeds): string | undefined {
  for (const name of Object.keys(alone)) {
    const [a, b] = [together[name], alone[name]!];
    if (a?.shape.join() !== b.shape.join())
      return `output ${name} has the shape [${a?.shape.join() ?? ''}] when joined, [${b.shape.join()}] alone`;
    const place = firstDifference(a.data, b.data);
    if (place >= 0) return `output ${name} is ${String(a.data[place])} when joined, ${String(b.data[place])} alone`;
  }
  return undefined;
}

function firstDifference(a: ArrayLike<unknown>, b: ArrayLike<unknown>): number {
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const value = b[i];
    if (typeof value === 'number' && Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  }
  const floating = b instanceof Float32Array || b instanceof Float64Array || b instanceof Float16Array;
  for (let i = 0; i < b.length; i++)
    if (!Object.is(a[i], b[i]) && !(floating && Math.abs((a[i] as number) - (b[i] as number)) <= ROUNDING * largest))
      return i;
  return -1;
}
