/** Rules for operators whose first axis is the batch by definition: convolution, pooling, resizing. Pure. */
import { dependsOnRows, equal, isNumber, isOne, number, over, product, times, type Dimension } from './dimension.ts';
import { asShape } from './sizes.ts';
import {
  constantAt,
  constantFrom,
  dataAt,
  fromFront,
  mixes,
  numbersAt,
  rowsAt,
  unknown,
  type Operator,
  type Rows,
  type Rule,
} from './value.ts';

/** Data whose batch axis is the first one, with at least three dimensions where there are channels and positions. */
function pictures(operator: Operator, least = 3): Rows {
  const data = dataAt(operator, 0);
  if (data.axis !== 0) throw mixes(`${operator.type} takes the batch axis for another one`);
  if (data.shape.length < least) throw unknown(`${operator.type} has fewer dimensions than expected`);
  return data;
}

interface Window {
  kernel: readonly number[] | undefined;
  /** Number of spatial axes. */
  axes: number;
}

/** The length of a spatial axis after a sliding window. */
function spatial(operator: Operator, length: Dimension, axis: number, { kernel, axes }: Window): Dimension {
  const size = kernel?.[axis];
  const automatic = operator.text('auto_pad') ?? 'NOTSET';
  if (
    size === undefined ||
    !isNumber(length) ||
    !['NOTSET', 'VALID'].includes(automatic) ||
    operator.int('ceil_mode', 0) !== 0
  )
    return operator.fresh();
  const at = (name: string, place: number, otherwise: number): number => operator.ints(name)?.[place] ?? otherwise;
  const padding = automatic === 'VALID' ? 0 : at('pads', axis, 0) + at('pads', axis + axes, 0);
  const reach = at('dilations', axis, 1) * (size - 1) + 1;
  const left = length.factor + padding - reach;
  return left < 0 ? operator.fresh() : number(Math.floor(left / at('strides', axis, 1)) + 1);
}

function windowed(operator: Operator, data: Rows, channels: Dimension, kernel: readonly number[] | undefined): Rows {
  const places = data.shape.slice(2);
  return rowsAt(0, [
    data.shape[0]!,
    channels,
    ...places.map((length, i) => spatial(operator, length, i, { kernel, axes: places.length })),
  ]);
}

const convolution: Rule = (operator) => {
  const data = pictures(operator);
  constantFrom(operator, 1);
  const weights = operator.inputs[operator.type === 'QLinearConv' ? 3 : 1];
  const shape = weights?.kind === 'constant' ? weights.shape : undefined;
  if (operator.type === 'ConvTranspose') return transposed(operator, data, shape?.[1]);
  const kernel = operator.ints('kernel_shape') ?? knownNumbers(shape?.slice(2));
  return windowed(operator, data, shape?.[0] ?? operator.fresh(), kernel);
};

const knownNumbers = (shape: readonly Dimension[] | undefined): number[] | undefined =>
  shape?.every(isNumber) ? shape.map(({ factor }) => factor) : undefined;

/** `channels`: output channels of one group, where they are known. */
function transposed(operator: Operator, { shape }: Rows, channels: Dimension | undefined): Rows {
  const all = channels ? times(channels, number(operator.int('group', 1))) : operator.fresh();
  return rowsAt(0, [shape[0]!, all, ...shape.slice(2).map(operator.fresh)]);
}

const pool: Rule = (operator) => {
  const data = pictures(operator);
  const made = windowed(operator, data, data.shape[1]!, operator.ints('kernel_shape'));
  if (operator.outputs > 1) throw unknown(`${operator.type} gives places that count over all rows`);
  return made;
};

const poolAll: Rule = (operator) => {
  const data = pictures(operator);
  return rowsAt(
    0,
    data.shape.map((one, i) => (i < 2 ? one : number(1))),
  );
};

/** Statistics that were learned (batch), or are those of each row and channel (instance, group). */
const normalization: Rule = (operator) => {
  const data = pictures(operator, 2);
  constantFrom(operator, 1);
  if (operator.int('training_mode', 0) !== 0 || operator.outputs > 1 || operator.int('spatial', 1) === 0)
    throw mixes(`${operator.type} in training mode takes the mean over rows`);
  return data;
};

/** Whether the batch axis keeps its length; `at`: its index among the resized axes, -1 if it is none. */
function keepsLength({ axis, shape }: Rows, at: number, { scales, sizes }: ResizeTarget): boolean {
  if (at < 0) return true;
  if (!sizes) return scales?.[at] === 1;
  const size = sizes[at];
  return size !== undefined && equal(size, shape[axis]!);
}

/** Neither crops nor keeps the aspect ratio, which would change other axes. */
const stretches = (operator: Operator): boolean =>
  operator.text('coordinate_transformation_mode') !== 'tf_crop_and_resize' &&
  ['stretch', undefined].includes(operator.text('keep_aspect_ratio_policy'));

const resize: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const { scales, sizes } = target(operator);
  const axes = operator.ints('axes')?.map((axis) => fromFront(axis, data.shape.length)) ?? data.shape.map((_, i) => i);
  const at = axes.indexOf(data.axis);
  const resizesByRows = sizes?.some((one, i) => i !== at && dependsOnRows(one));
  if (!keepsLength(data, at, { scales, sizes }) || !stretches(operator) || resizesByRows)
    throw unknown(`${operator.type} is not known to keep the number of rows`);
  return rowsAt(
    data.axis,
    data.shape.map((one, i) => (i === data.axis ? one : (sizes?.[axes.indexOf(i)] ?? operator.fresh()))),
  );
};

/**
 * The target of Resize: an attribute or the second input in old operator sets, the third or fourth input in newer ones.
 */
function target({ type, opset, inputs: [, second, third, fourth], floats, fresh }: Operator): ResizeTarget {
  const [scales, sizes] = type === 'Upsample' || opset < 11 ? [second, undefined] : [third, fourth];
  const items = sizes && 'items' in sizes ? sizes.items : undefined;
  return {
    scales: floats('scales') ?? (scales?.kind === 'constant' ? scales.floats : undefined),
    sizes: items && asShape(items, fresh),
  };
}

interface ResizeTarget {
  scales: readonly number[] | undefined;
  sizes: readonly Dimension[] | undefined;
}

const pad: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const rank = data.shape.length;
  const pads = operator.ints('pads') ?? numbersAt(operator, 1);
  const axes = numbersAt(operator, 3)?.map((axis) => fromFront(axis, rank)) ?? data.shape.map((_, i) => i);
  if (!pads) throw unknown('what Pad adds is not known');
  const added = (axis: number): number =>
    axes.includes(axis) ? pads[axes.indexOf(axis)]! + pads[axes.indexOf(axis) + axes.length]! : 0;
  const at = axes.indexOf(data.axis);
  if (at >= 0 && (pads[at] !== 0 || pads[at + axes.length] !== 0)) throw mixes('Pad adds rows');
  const padded = (one: Dimension, i: number): Dimension => {
    if (isNumber(one)) return number(one.factor + added(i));
    return added(i) === 0 ? one : operator.fresh();
  };
  return rowsAt(data.axis, data.shape.map(padded));
};

/** Blocks of positions become channels, or the reverse. */
const depth: Rule = (operator) => {
  const data = pictures(operator, 4);
  const block = number(operator.int('blocksize', 1));
  const [wide, narrow] = [
    (one: Dimension) => times(one, block),
    (one: Dimension) => over(one, block) ?? operator.fresh(),
  ];
  const [channels, places] =
    operator.type === 'DepthToSpace'
      ? [(one: Dimension) => narrow(narrow(one)), wide]
      : [(one: Dimension) => wide(wide(one)), narrow];
  const [rows, depthAxis, ...spatialAxes] = data.shape as [Dimension, Dimension, ...Dimension[]];
  return rowsAt(0, [rows, channels(depthAxis), ...spatialAxes.map(places)]);
};

const gridSample: Rule = (operator) => {
  const [data, grid] = [pictures(operator), dataAt(operator, 1)];
  if (grid.axis !== 0 || !equal(grid.shape[0]!, data.shape[0]!)) throw mixes('GridSample takes places of other rows');
  return rowsAt(0, [data.shape[0]!, data.shape[1]!, ...grid.shape.slice(1, -1)]);
};

const quantizedProduct: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const [scale, matrix] = [constantAt(operator, 1)?.shape, constantAt(operator, 3)?.shape];
  if (data.axis === data.shape.length - 1) throw mixes('QLinearMatMul sums over the batch axis');
  if (matrix?.length !== 2 || !scale || !isOne(product(scale)))
    throw unknown('QLinearMatMul may have a scale of its own for each row');
  return rowsAt(data.axis, [...data.shape.slice(0, -1), matrix[1]!]);
};

export const IMAGES: Record<string, Rule> = {
  Conv: convolution,
  ConvInteger: convolution,
  ConvTranspose: convolution,
  QLinearConv: convolution,
  QLinearMatMul: quantizedProduct,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: poolAll,
  GlobalMaxPool: poolAll,
  GlobalLpPool: poolAll,
  BatchNormalization: normalization,
  InstanceNormalization: normalization,
  GroupNormalization: normalization,
  LRN: (operator) => pictures(operator),
  Resize: resize,
  Upsample: resize,
  Pad: pad,
  DepthToSpace: depth,
  SpaceToDepth: depth,
  GridSample: gridSample,
};
