/** Rules for integers that come from shapes, which exporters write before Reshape, Expand and Slice. Pure. */
import {
  anyNumber,
  dependsOnRows,
  isLength,
  isMultipleOfRows,
  isNumber,
  isOne,
  number,
  ONE,
  product,
  type Dimension,
} from './dimension.ts';
import { ARITHMETIC, isZero, MAX_VALUE } from './arithmetic.ts';
import {
  fromFront,
  unknown,
  wholeNumbers,
  type Constant,
  type Fresh,
  type Operator,
  type Rule,
  type Sizes,
  type Value,
} from './value.ts';

type WholeNumbers = (Constant | Sizes) & { items: readonly Dimension[]; shape: readonly Dimension[] };

/** Scalars and lists of known numbers. */
const isWhole = (value: Value | undefined): value is WholeNumbers =>
  value !== undefined &&
  (value.kind === 'constant' || value.kind === 'sizes') &&
  value.items !== undefined &&
  value.shape !== undefined &&
  value.shape.length <= 1;

/** Integers as the lengths of axes; a number that could be negative becomes an unknown length. */
export const asShape = (items: readonly Dimension[], fresh: Fresh): Dimension[] =>
  items.map((item) => (isLength(item) || dependsOnRows(item) ? item : fresh()));

/** Lists have the same length, or one item. The shape is a scalar's only if all are scalars. */
function together(
  values: readonly WholeNumbers[],
): { length: number; shape: readonly Dimension[]; at: (value: WholeNumbers, i: number) => Dimension } | undefined {
  const length = Math.max(...values.map(({ items }) => items.length));
  if (values.some(({ items }) => items.length !== 1 && items.length !== length)) return undefined;
  return {
    length,
    shape: values.every(({ shape }) => shape.length === 0) ? [] : [number(length)],
    at: ({ items }, i) => items[items.length === 1 ? 0 : i]!,
  };
}

function arithmetic(operator: Operator): Value | undefined {
  const [a, b] = operator.inputs;
  const compute = ARITHMETIC[operator.type];
  if (!compute || operator.inputs.length !== 2 || !isWhole(a) || !isWhole(b)) return undefined;
  const both = together([a, b]);
  return (
    both &&
    wholeNumbers(
      Array.from({ length: both.length }, (_, i) => compute(both.at(a, i), both.at(b, i), operator)),
      both.shape,
    )
  );
}

function where({ inputs: [condition, yes, no] }: Operator): Value | undefined {
  if (!isWhole(condition) || !isWhole(yes) || !isWhole(no) || !condition.items.every(isNumber)) return undefined;
  const all = together([condition, yes, no]);
  return (
    all &&
    wholeNumbers(
      Array.from({ length: all.length }, (_, i) => all.at(all.at(condition, i).factor === 0 ? no : yes, i)),
      all.shape,
    )
  );
}

/** From a start to an end in steps of one, all of them known. */
function slice(operator: Operator): Value | undefined {
  const [data, ...bounds] = operator.inputs;
  if (!isWhole(data) || data.shape.length !== 1) return undefined;
  const given =
    operator.opset < 10
      ? ['starts', 'ends'].map((name) => operator.ints(name)?.[0])
      : bounds.map((bound) =>
          isWhole(bound) && bound.items.length === 1 && isNumber(bound.items[0]!) ? bound.items[0]!.factor : undefined,
        );
  const [start, end, , step] = given;
  if (start === undefined || end === undefined || (bounds[3] !== undefined && step !== 1)) return undefined;
  const items = data.items.slice(start, end);
  return wholeNumbers(items, [number(items.length)]);
}

function gather(operator: Operator): Value | undefined {
  const [data, indices] = operator.inputs;
  if (!isWhole(data) || !isWhole(indices) || data.shape.length !== 1 || !indices.items.every(isNumber))
    return undefined;
  const items = indices.items.map(({ factor }) => data.items[fromFront(factor, data.items.length)]);
  return items.every((item) => item !== undefined) ? wholeNumbers(items, indices.shape) : undefined;
}

/** Concatenated lists. Of a constant list with unknown numbers, the length may be known. */
function concat({ inputs, fresh }: Operator): Value | undefined {
  const lists = inputs.map((input) => {
    if (isWhole(input)) return input.items;
    const [length, ...more] = input?.kind === 'constant' ? (input.shape ?? []) : [];
    return length && more.length === 0 && isNumber(length) && length.factor <= MOST_ITEMS
      ? Array.from({ length: length.factor }, () => anyNumber(fresh()))
      : undefined;
  });
  if (!inputs.some(isWhole) || !lists.every((list) => list !== undefined)) return undefined;
  const items = lists.flat();
  return wholeNumbers(items, [number(items.length)]);
}
const MOST_ITEMS = 64;

const [INT32, INT64, BOOL] = [6, 7, 9];

/** A conversion to another integer type that changes no value. */
function cast(operator: Operator): Value | undefined {
  const [data] = operator.inputs;
  const to = operator.int('to', 0);
  if (!isWhole(data)) return undefined;
  const fits = (item: Dimension): boolean =>
    to === INT64 ||
    (to === INT32 && isLength(item) && Math.abs(item.factor) < MAX_VALUE) ||
    (to === BOOL && isNumber(item) && (item.factor === 0 || item.factor === 1));
  return data.items.every(fits) ? data : undefined;
}

/** A scalar as a list of one item, or the reverse. */
function reshaped(operator: Operator): Value | undefined {
  const [data, shape] = operator.inputs;
  if (!isWhole(data)) return undefined;
  const list = [number(data.items.length)];
  if (operator.type === 'Unsqueeze') return data.shape.length === 0 ? wholeNumbers(data.items, [ONE]) : undefined;
  if (operator.type === 'Squeeze') return data.items.length === 1 ? wholeNumbers(data.items, []) : undefined;
  return isWhole(shape) && shape.items.length === 1 ? wholeNumbers(data.items, list) : undefined;
}

function multiplied(operator: Operator): Value | undefined {
  const [data, axes] = operator.inputs;
  if (!isWhole(data) || data.shape.length !== 1 || axes !== undefined || operator.int('noop_with_empty_axes', 0) !== 0)
    return undefined;
  return wholeNumbers([product(data.items)], operator.int('keepdims', 1) === 0 ? [] : [ONE]);
}

const RULES: Record<string, (operator: Operator) => Value | undefined> = {
  Slice: slice,
  Gather: gather,
  Concat: concat,
  Where: where,
  Cast: cast,
  Identity: ({ inputs: [data] }) => (isWhole(data) ? data : undefined),
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Reshape: reshaped,
  ReduceProd: multiplied,
};

/** The result of an operator on known integers; undefined for operators without a rule. */
export const wholeNumberRule = (operator: Operator): Value | undefined =>
  RULES[operator.type] ? RULES[operator.type]!(operator) : arithmetic(operator);

const shapeOf: Rule = (operator) => {
  const [value] = operator.inputs;
  if (value?.kind === 'refused' || !value?.shape)
    throw unknown(`the shape of the input of ${operator.type} is not known`);
  if (operator.type === 'Size') return wholeNumbers([product(value.shape)], []);
  const items = value.shape.slice(operator.int('start', 0), operator.has('end') ? operator.int('end', 0) : undefined);
  return wholeNumbers(items, [number(items.length)]);
};

/** ConstantOfShape: one value everywhere. It carries rows where one dimension is the number of rows. */
const constantOfShape: Rule = (operator) => {
  const [shape] = operator.inputs;
  if (!isWhole(shape)) throw unknown('the shape that ConstantOfShape makes is not known');
  if (shape.items.some(dependsOnRows)) return ofRows(operator, asShape(shape.items, operator.fresh));
  const count = product(shape.items);
  const fill = operator.int('value', 0);
  const known = isNumber(count) && count.factor <= 64 && shape.items.length <= 1 && Number.isInteger(fill);
  return {
    kind: 'constant',
    shape: asShape(shape.items, operator.fresh),
    ...(known && { items: Array.from({ length: count.factor }, () => number(fill)) }),
  };
};

/** Data that is the same for each row. Throws where more than one dimension depends on the number of rows. */
export function ofRows({ type }: Operator, shape: readonly Dimension[]): Value {
  const axes = shape.flatMap((dimension, i) => (dependsOnRows(dimension) ? [i] : []));
  if (axes.length !== 1 || !isMultipleOfRows(shape[axes[0]!]!))
    throw unknown(`the shape that ${type} makes depends on the number of rows`);
  return { kind: 'rows', axis: axes[0]!, shape };
}

/** Range: if its length depended on the rows, each row would get another position. */
const range: Rule = (operator) => {
  for (const input of operator.inputs)
    if (input?.kind !== 'constant') throw unknown('Range counts something that depends on the requests');
  const [start, limit, step] = operator.inputs.map((input) => (isWhole(input) ? input.items[0] : undefined));
  const counts = start && isZero(start) && step && isOne(step) && limit && isPositiveLength(limit);
  return { kind: 'constant', shape: [counts ? limit : operator.fresh()] };
};

const isPositiveLength = (dimension: Dimension): boolean => isLength(dimension) && dimension.factor > 0;

export const SIZE_RULES: Record<string, Rule> = {
  Shape: shapeOf,
  Size: shapeOf,
  ConstantOfShape: constantOfShape,
  Range: range,
};
