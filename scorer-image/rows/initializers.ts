/** Constants of a graph: their shapes, and their numbers where they are few. Pure. */
import type { TensorProto } from '../onnx/schema.ts';
import { number, type Dimension } from './dimension.ts';
import type { Constant } from './value.ts';

const [FLOAT, INT32, INT64, BOOL, DOUBLE] = [1, 6, 7, 9, 11];
const EXTERNAL = 1;
/** Shapes, axes and bounds are shorter. */
const MOST_ITEMS = 64;

export function constantOf(tensor: TensorProto): Constant {
  const shape = tensor.dims.map(number);
  const items = itemsOf(tensor);
  const floats = floatsOf(tensor);
  return { kind: 'constant', shape, ...(items && { items }), ...(floats && { floats }) };
}

const sizeOf = ({ dims }: TensorProto): number => dims.reduce((size, one) => size * one, 1);

/** The whole numbers of a scalar or a list. */
export function itemsOf(tensor: TensorProto): Dimension[] | undefined {
  const { dataType, rawData, int32Data, int64Data, dataLocation } = tensor;
  const size = sizeOf(tensor);
  if (tensor.dims.length > 1 || size > MOST_ITEMS || dataLocation === EXTERNAL) return undefined;
  const values =
    dataType === INT64
      ? rawData
        ? read(rawData, 8, (view, at) => Number(view.getBigInt64(at, true)))
        : int64Data
      : dataType === INT32
        ? rawData
          ? read(rawData, 4, (view, at) => view.getInt32(at, true))
          : int32Data
        : dataType === BOOL
          ? rawData
            ? [...rawData]
            : int32Data
          : undefined;
  return values?.length === size ? values.map(number) : undefined;
}

function floatsOf(tensor: TensorProto): number[] | undefined {
  const { dataType, rawData, floatData, dataLocation } = tensor;
  if (dataLocation === EXTERNAL || sizeOf(tensor) > MOST_ITEMS || (dataType !== FLOAT && dataType !== DOUBLE))
    return undefined;
  const values = !rawData
    ? floatData
    : dataType === FLOAT
      ? read(rawData, 4, (view, at) => view.getFloat32(at, true))
      : read(rawData, 8, (view, at) => view.getFloat64(at, true));
  return values.length === sizeOf(tensor) ? values : undefined;
}

function read(bytes: Uint8Array, width: number, value: (view: DataView, at: number) => number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / width) }, (_, i) => value(view, i * width));
}
