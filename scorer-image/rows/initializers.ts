/** Constants of a graph: their shapes, and their values where there are few. Pure. */
import type { TensorProto } from '../onnx/schema.ts';
import { number, type Dimension } from './dimension.ts';
import type { Constant } from './value.ts';

const [FLOAT, INT32, INT64, BOOL, DOUBLE] = [1, 6, 7, 9, 11];
const EXTERNAL = 1;
/** Shapes, axes and bounds are shorter. */
const MAX_ITEMS = 64;

export function constantOf(tensor: TensorProto): Constant {
  const shape = tensor.dims.map(number);
  const items = itemsOf(tensor);
  const floats = floatsOf(tensor);
  return { kind: 'constant', shape, ...(items && { items }), ...(floats && { floats }) };
}

const sizeOf = ({ dims }: TensorProto): number => dims.reduce((size, one) => size * one, 1);

/** The integers of a scalar or a list. */
export function itemsOf(tensor: TensorProto): Dimension[] | undefined {
  const size = sizeOf(tensor);
  if (tensor.dims.length > 1 || size > MAX_ITEMS || tensor.dataLocation === EXTERNAL) return undefined;
  const values = integersOf(tensor);
  return values?.length === size ? values.map(number) : undefined;
}

function integersOf({ dataType, rawData, int32Data, int64Data }: TensorProto): number[] | undefined {
  switch (dataType) {
    case INT64:
      return rawData ? read(rawData, 8, (view, at) => Number(view.getBigInt64(at, true))) : int64Data;
    case INT32:
      return rawData ? read(rawData, 4, (view, at) => view.getInt32(at, true)) : int32Data;
    case BOOL:
      return rawData ? [...rawData] : int32Data;
    default:
      return undefined;
  }
}

function floatsOf(tensor: TensorProto): number[] | undefined {
  const { dataType, rawData, floatData, dataLocation } = tensor;
  if (dataLocation === EXTERNAL || sizeOf(tensor) > MAX_ITEMS || (dataType !== FLOAT && dataType !== DOUBLE))
    return undefined;
  const values = rawData ? readFloats(rawData, dataType) : floatData;
  return values.length === sizeOf(tensor) ? values : undefined;
}

const readFloats = (rawData: Uint8Array, dataType: number): number[] =>
  dataType === FLOAT
    ? read(rawData, 4, (view, at) => view.getFloat32(at, true))
    : read(rawData, 8, (view, at) => view.getFloat64(at, true));

function read(bytes: Uint8Array, width: number, value: (view: DataView, at: number) => number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / width) }, (_, i) => value(view, i * width));
}
