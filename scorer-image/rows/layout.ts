/** Rules for operators that move elements: reshape, transpose, cut, join, repeat. Pure. */
import {
  dependsOnRows,
  equal,
  isMultipleOfRows,
  isNumber,
  isOne,
  number,
  ONE,
  over,
  product,
  times,
  type Dimension,
} from './dimension.ts';
import { together } from './elementwise.ts';
import { asShape, ofRows } from './sizes.ts';
import { slice } from './slice.ts';
import {
  apart,
  constantFrom,
  dataAt,
  fromFront,
  mixes,
  numbersAt,
  rowsAt,
  unknown,
  type Constant,
  type Operator,
  type Rows,
  type Rule,
  type Value,
} from './value.ts';

/**
 * Data in a new shape. Elements keep their order, so rows stay together where the batch axis has as many elements
 * before it as it had, and is a multiple of the number of rows.
 */
function reshaped({ type }: Operator, { axis, shape }: Rows, to: readonly Dimension[]): Rows {
  const ahead = product(shape.slice(0, axis));
  for (let at = 0, before = ONE; at < to.length; before = times(before, to[at]!), at++) {
    if (!equal(before, ahead) || !isMultipleOfRows(to[at]!)) continue;
    if (to.some((dimension, i) => i !== at && dependsOnRows(dimension))) break;
    return rowsAt(at, to);
  }
  throw unknown(`${type} is not known to keep rows apart`);
}

const reshape: Rule = (operator) => {
  const [data] = operator.inputs;
  const wanted = wantedShape(operator);
  if (data?.kind === 'constant') return constantReshaped(operator, data, wanted);
  const rows = dataAt(operator, 0);
  if (!wanted) throw unknown('the shape that Reshape makes is not known');
  if (operator.int('allowzero', 0) !== 0) throw unknown('Reshape with allowzero');
  const copied = wanted.map((dimension, i) =>
    isNumber(dimension) && dimension.factor === 0 ? rows.shape[i]! : dimension,
  );
  const others = copied.filter((one) => !isRest(one));
  const to = asShape(copied, operator.fresh).map((one) => (isRest(one) ? rest(operator, rows, others) : one));
  return reshaped(operator, rows, to);
};

const isRest = (dimension: Dimension): boolean => isNumber(dimension) && dimension.factor === -1;

/** The shape of Reshape: an attribute, since operator set 5 an input. */
function wantedShape({ opset, ints, inputs: [, shape] }: Operator): readonly Dimension[] | undefined {
  if (opset < 5) return ints('shape')?.map(number);
  return shape?.kind === 'constant' || shape?.kind === 'sizes' ? shape.items : undefined;
}

/** The dimension that -1 stands for. */
function rest({ fresh }: Operator, { shape }: Rows, others: readonly Dimension[]): Dimension {
  const quotient = over(product(shape), product(others));
  if (quotient) return quotient;
  if (isMultipleOfRows(product(others))) return fresh(); // the number of rows is among the others
  throw unknown('the shape that Reshape makes is not known');
}

function constantReshaped(
  { inputs: [, shape], fresh, int }: Operator,
  data: Constant,
  wanted: readonly Dimension[] | undefined,
): Constant {
  if (shape?.kind === 'sizes') throw mixes('Reshape cuts a constant by the number of rows');
  if (int('allowzero', 0) !== 0) return { kind: 'constant' };
  if (!wanted) return { kind: 'constant' };
  const dimension = (one: Dimension, i: number): Dimension => {
    if (one.factor > 0) return one;
    return (one.factor === 0 ? data.shape?.[i] : undefined) ?? fresh();
  };
  return { kind: 'constant', shape: asShape(wanted, fresh).map(dimension) };
}

const flatten: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const axis = fromFront(operator.int('axis', 1), data.shape.length);
  return reshaped(operator, data, [product(data.shape.slice(0, axis)), product(data.shape.slice(axis))]);
};

/** Axes of Squeeze and Unsqueeze: an attribute, since operator set 13 an input. */
const axesOf = (operator: Operator): readonly number[] | undefined => operator.ints('axes') ?? numbersAt(operator, 1);

const squeeze: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const axes = axesOf(operator);
  if (!axes?.length) throw unknown('Squeeze without axes takes the batch axis away when there is one row');
  const gone = axes.map((axis) => fromFront(axis, data.shape.length));
  return reshaped(
    operator,
    data,
    data.shape.filter((_, i) => !gone.includes(i)),
  );
};

const unsqueeze: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const axes = axesOf(operator) ?? [];
  const shape = [...data.shape];
  for (const axis of axes.map((one) => fromFront(one, data.shape.length + axes.length)).sort((a, b) => a - b))
    shape.splice(axis, 0, ONE);
  return reshaped(operator, data, shape);
};

const transpose: Rule = (operator) => {
  const { axis, shape } = dataAt(operator, 0);
  const order = operator.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i);
  return rowsAt(
    order.indexOf(axis),
    order.map((from) => shape[from]!),
  );
};

const concat: Rule = (operator) => {
  const data = operator.inputs.map((_, i) => dataAt(operator, i));
  const [first] = data;
  const along = fromFront(operator.int('axis', 0), first!.shape.length);
  for (const one of data) {
    apart(operator, one, [along]);
    if (
      one.axis !== first!.axis ||
      one.shape.length !== first!.shape.length ||
      !equal(one.shape[one.axis]!, first!.shape[first!.axis]!)
    )
      throw mixes('Concat joins inputs whose rows lie on other axes');
  }
  const lengths = data.map(({ shape }) => shape[along]!);
  const length = lengths.every(isNumber)
    ? number(lengths.reduce((sum, { factor }) => sum + factor, 0))
    : operator.fresh();
  return rowsAt(first!.axis, first!.shape.with(along, length));
};

const split: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const along = fromFront(operator.int('axis', 0), data.shape.length);
  apart(operator, data, [along]);
  const lengths = operator.ints('split') ?? (operator.inputs[1] ? numbersAt(operator, 1) : undefined);
  const even = over(data.shape[along]!, number(operator.places));
  return Array.from({ length: operator.places }, (_, i) =>
    rowsAt(
      data.axis,
      data.shape.with(along, lengths?.[i] !== undefined ? number(lengths[i]) : (even ?? operator.fresh())),
    ),
  );
};

const expand: Rule = (operator) => {
  const [data, target] = operator.inputs;
  if (!target || (target.kind !== 'constant' && target.kind !== 'sizes') || !target.items)
    throw unknown('the shape that Expand makes is not known');
  return data?.kind === 'constant'
    ? constantExpanded(operator, data, { dependsOnSizes: target.kind === 'sizes', items: target.items })
    : rowsExpanded(operator, target.items);
};

function constantExpanded(
  operator: Operator,
  { shape }: Constant,
  { dependsOnSizes, items }: { dependsOnSizes: boolean; items: readonly Dimension[] },
): Value {
  if (!shape && !dependsOnSizes) return { kind: 'constant' };
  if (!shape) throw unknown('the shape of the input of Expand is not known');
  const expanded = together(shape, asShape(items, operator.fresh), operator.fresh);
  if (!dependsOnSizes) return { kind: 'constant', shape: expanded };
  const behind = items.length - 1 - items.findIndex(dependsOnRows);
  const under = shape[shape.length - 1 - behind];
  if (under && !isOne(under)) throw unknown('Expand has a value of its own for each row');
  return ofRows(operator, expanded);
}

function rowsExpanded(operator: Operator, items: readonly Dimension[]): Rows {
  const rows = dataAt(operator, 0);
  const length = rows.shape[rows.axis]!;
  const behind = rows.shape.length - 1 - rows.axis;
  const repeats = (item: Dimension, i: number): boolean =>
    i === items.length - 1 - behind ? !isOne(item) && !equal(item, length) : dependsOnRows(item);
  if (items.some(repeats)) throw unknown('Expand repeats rows');
  const shape = together(rows.shape, asShape(items, operator.fresh), operator.fresh);
  return rowsAt(shape.length - 1 - behind, shape.with(shape.length - 1 - behind, length));
}

const tile: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const repeats = numbersAt(operator, 1);
  if (repeats?.[data.axis] !== 1) throw mixes('Tile repeats rows');
  return rowsAt(
    data.axis,
    data.shape.map((dimension, i) => times(dimension, number(repeats[i] ?? 1))),
  );
};

const triangle: Rule = (operator) => {
  const data = dataAt(operator, 0);
  apart(operator, data, [-1, -2]);
  constantFrom(operator, 1);
  return data;
};

const reversed: Rule = (operator) => {
  const [data, lengths] = [dataAt(operator, 0), dataAt(operator, 1)];
  apart(operator, data, [operator.int('time_axis', 0)]);
  if (
    operator.int('batch_axis', 1) !== data.axis ||
    lengths.shape.length !== 1 ||
    !equal(lengths.shape[0]!, data.shape[data.axis]!)
  )
    throw mixes('ReverseSequence takes lengths of other rows');
  return data;
};

/** Rules for inputs of which at least one carries rows; follow.ts handles operators with constant inputs only. */
export const LAYOUT: Record<string, Rule> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: expand,
  Tile: tile,
  Trilu: triangle,
  ReverseSequence: reversed,
};
