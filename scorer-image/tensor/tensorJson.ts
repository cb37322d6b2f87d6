/**
 * JSON of tensors: at once where they are small, in slices where they are large, so that no turn of the event loop is
 * long.
 */
import type { Tensor, TensorData } from './tensor.ts';

/** Values in one slice. */
export const SLICE_VALUES = 16_384;

/** The values as a flat list, with exact 64-bit integers. NaN and infinities, which JSON does not have, are null. */
export const flatJson = ({ data, datatype }: Tensor): string => `[${items(data, datatype, 0, data.length)}]`;

/** The same in slices. */
export function* flatPieces({ data, datatype }: Tensor): Generator<string> {
  for (let at = 0; at < data.length; at += SLICE_VALUES)
    yield `${at === 0 ? '[' : ','}${items(data, datatype, at, Math.min(at + SLICE_VALUES, data.length))}`;
  yield data.length === 0 ? '[]' : ']';
}

/** The values as lists that are nested like the shape. */
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

/** The same in slices: brackets open and close where an index of the shape restarts. */
export function* nestedPieces(tensor: Tensor): Generator<string> {
  const { data, shape, datatype } = tensor;
  const width = shape.at(-1)!;
  if (shape.length === 0 || data.length === 0) {
    yield nestedJson(tensor);
    return;
  }
  let text = '['.repeat(shape.length);
  for (let from = 0; from < data.length; from += width) {
    for (let at = from; at < from + width; at += SLICE_VALUES) {
      text += `${at === from ? '' : ','}${items(data, datatype, at, Math.min(at + SLICE_VALUES, from + width))}`;
      if (text.length >= SLICE_VALUES) {
        yield text;
        text = '';
      }
    }
    const closed = closes(from + width, shape);
    text += from + width === data.length ? ']'.repeat(shape.length) : `${']'.repeat(closed)},${'['.repeat(closed)}`;
  }
  yield text;
}

/** How many lists end before the value at that index. */
function closes(at: number, shape: readonly number[]): number {
  let [count, size] = [0, 1];
  for (let i = shape.length - 1; i > 0 && at % (size *= shape[i]!) === 0; i--) count += 1;
  return count;
}

function items(data: TensorData, datatype: string, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    if (i > from) text += ',';
    text += item(data[i]!, datatype);
  }
  return text;
}

function item(value: TensorData[number], datatype: string): string {
  if (datatype === 'BOOL') return value ? 'true' : 'false';
  if (typeof value === 'number') return numberJson(value);
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(typeof value === 'string' ? value : Buffer.from(value).toString('base64'));
}

/** Keeps the sign of -0, which String() drops. */
function numberJson(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  return value === 0 && 1 / value < 0 ? '-0' : String(value);
}
