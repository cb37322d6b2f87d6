/** Rules for whole numbers that come out of shapes: what exporters write in front of Reshape, Expand and Slice. Pure. */
import { byRows, dependsOnRows, equal, isMultipleOfRows, isNumber, isOne, number, over, product, times, type Dimension } from './dimension.ts';
import { fromFront, unknown, wholeNumbers, type Constant, type Operator, type Rule, type Sizes, type Value } from './value.ts';

type WholeNumbers = (Constant | Sizes) & { items: readonly Dimension[]; shape: readonly Dimension[] };

const isWhole = (value: Value | undefined): value is WholeNumbers => value !== undefined && (value.kind === 'constant' || value.kind === 'sizes') && value.items !== undefined && value.shape !== undefined;

/** What cannot be followed: some number, which still may depend on the number of rows. */
const other = (operator: Operator, ...from: Dimension[]): Dimension => (from.some(dependsOnRows) ? byRows : operator.fresh());

type Arithmetic = (a: Dimension, b: Dimension, operator: Operator) => Dimension;

const ofNumbers = (compute: (a: number, b: number) => number): Arithmetic => (a, b, operator) => (isNumber(a) && isNumber(b) ? number(compute(a.factor, b.factor)) : other(operator, a, b));

/** True, false, or not known: dimensions are never negative. */
const compared = (a: Dimension, b: Dimension): number | undefined => {
  if (equal(a, b)) return 1;
  if (isNumber(a) && isNumber(b)) return 0;
  return (isNumber(a) && a.factor < 0) || (isNumber(b) && b.factor < 0) ? 0 : undefined;
};

const ARITHMETIC: Record<string, Arithmetic> = {
  Add: (a, b, operator) => (isNumber(a) && a.factor === 0 ? b : isNumber(b) && b.factor === 0 ? a : ofNumbers((x, y) => x + y)(a, b, operator)),
  Sub: (a, b, operator) => (isNumber(b) && b.factor === 0 ? a : ofNumbers((x, y) => x - y)(a, b, operator)),
  Mul: times,
  Div: (a, b, operator) => (isNumber(a) && isNumber(b) && b.factor !== 0 ? number(Math.trunc(a.factor / b.factor)) : (over(a, b) ?? other(operator, a, b))),
  Mod: ofNumbers((a, b) => ((a % b) + b) % b),
  Max: ofNumbers(Math.max),
  Min: ofNumbers(Math.min),
  Equal: (a, b) => {
    const same = compared(a, b);
    if (same === undefined) throw unknown('Equal compares dimensions that are not known');
    return number(same);
  },
};

/** Elementwise on two lists of the same length, or a list and a single number. */
function arithmetic(operator: Operator): Value | undefined {
  const [a, b] = operator.inputs;
  const compute = ARITHMETIC[operator.type];
  if (!compute || operator.inputs.length !== 2 || !isWhole(a) || !isWhole(b)) return undefined;
  const long = a.items.length >= b.items.length ? a : b;
  if (Math.min(a.items.length, b.items.length) !== 1 && a.items.length !== b.items.length) return undefined;
  const at = ({ items }: WholeNumbers, i: number): Dimension => items[items.length === 1 ? 0 : i]!;
  return wholeNumbers(long.items.map((_, i) => compute(at(a, i), at(b, i), operator)), a.shape.length > b.shape.length ? a.shape : long.shape);
}

function where({ inputs: [condition, yes, no] }: Operator): Value | undefined {
  if (!isWhole(condition) || !isWhole(yes) || !isWhole(no) || !condition.items.every(isNumber)) return undefined;
  const length = Math.max(condition.items.length, yes.items.length, no.items.length);
  const at = ({ items }: WholeNumbers, i: number): Dimension | undefined => items[items.length === 1 ? 0 : i];
  const items = Array.from({ length }, (_, i) => at(at(condition, i)?.factor === 0 ? no : yes, i));
  return items.every((item) => item !== undefined) ? wholeNumbers(items, length === 1 ? condition.shape : [number(length)]) : undefined;
}

function slice(operator: Operator): Value | undefined {
  const [data, ...bounds] = operator.inputs;
  if (!isWhole(data) || data.shape.length !== 1) return undefined;
  const given = operator.opset < 10 ? ['starts', 'ends'].map((name) => operator.ints(name)?.[0]) : bounds.map((bound) => (isWhole(bound) && bound.items.length === 1 && isNumber(bound.items[0]!) ? bound.items[0]!.factor : undefined));
  const [start, end, , step = 1] = given;
  if (start === undefined || end === undefined || step !== 1) return undefined;
  const items = data.items.slice(start, end);
  return wholeNumbers(items, [number(items.length)]);
}

function gather(operator: Operator): Value | undefined {
  const [data, indices] = operator.inputs;
  if (!isWhole(data) || !isWhole(indices) || data.shape.length !== 1 || !indices.items.every(isNumber)) return undefined;
  const items = indices.items.map(({ factor }) => data.items[fromFront(factor, data.items.length)]);
  return items.every((item) => item !== undefined) ? wholeNumbers(items, indices.shape) : undefined;
}

function concat({ inputs }: Operator): Value | undefined {
  if (!inputs.every(isWhole)) return undefined;
  const items = inputs.flatMap((input) => input.items);
  return wholeNumbers(items, [number(items.length)]);
}

/** Cast to another kind of whole number, or a new shape of a list or a single number. */
function same(operator: Operator): Value | undefined {
  const [data] = operator.inputs;
  if (!isWhole(data)) return undefined;
  const WHOLE = [6, 7, 9];
  if (operator.type === 'Cast' && !WHOLE.includes(operator.int('to', 0))) return undefined;
  const list = [number(data.items.length)];
  const shapes: Record<string, readonly Dimension[]> = { Unsqueeze: list, Squeeze: data.items.length === 1 ? [] : list, Reshape: list };
  return wholeNumbers(data.items, shapes[operator.type] ?? data.shape);
}

const RULES: Record<string, (operator: Operator) => Value | undefined> = {
  Slice: slice, Gather: gather, Concat: concat, Where: where, Cast: same, Identity: same, Squeeze: same, Unsqueeze: same, Reshape: same,
  ReduceProd: ({ inputs: [data] }) => (isWhole(data) ? wholeNumbers([product(data.items)], []) : undefined),
};

/** What an operator gives whose inputs are whole numbers that are known; undefined where it is not among those that are followed. */
export const wholeNumberRule = (operator: Operator): Value | undefined => RULES[operator.type]?.(operator) ?? arithmetic(operator);

const shapeOf: Rule = (operator) => {
  const [value] = operator.inputs;
  if (value?.kind === 'refused' || !value?.shape) throw unknown(`the shape of the input of ${operator.type} is not known`);
  if (operator.type === 'Size') return wholeNumbers([product(value.shape)], []);
  const items = value.shape.slice(operator.int('start', 0), operator.has('end') ? operator.int('end', 0) : undefined);
  return wholeNumbers(items, [number(items.length)]);
};

/** ConstantOfShape: the same value everywhere; data of rows where one dimension is the number of rows. */
const constantOfShape: Rule = (operator) => {
  const [shape] = operator.inputs;
  if (!isWhole(shape)) throw unknown('the shape that ConstantOfShape makes is not known');
  const at = shape.items.findIndex(dependsOnRows);
  if (at >= 0) return ofRows(operator, shape.items);
  const count = product(shape.items);
  const fill = operator.int('value', 0);
  const known = isNumber(count) && count.factor <= 64 && shape.items.length <= 1 && Number.isInteger(fill);
  return { kind: 'constant', shape: shape.items, ...(known && { items: Array.from({ length: count.factor }, () => number(fill)) }) };
};

/** Data that is the same for each row. Throws where more than one dimension depends on the number of rows. */
export function ofRows({ type }: Operator, shape: readonly Dimension[]): Value {
  const axes = shape.flatMap((dimension, i) => (dependsOnRows(dimension) ? [i] : []));
  if (axes.length !== 1 || !isMultipleOfRows(shape[axes[0]!]!)) throw unknown(`the shape that ${type} makes depends on the number of rows`);
  return { kind: 'rows', axis: axes[0]!, shape };
}

/** Range: positions, of which each row would get another where its length depends on the rows. */
const range: Rule = (operator) => {
  for (const input of operator.inputs) if (input?.kind !== 'constant') throw unknown('Range counts something that depends on the requests');
  const [start, limit, step] = operator.inputs.map((input) => (isWhole(input) ? input.items[0] : undefined));
  const counts = start?.factor === 0 && step && isOne(step) && limit;
  return { kind: 'constant', shape: [counts ? limit : operator.fresh()] };
};

export const SIZE_RULES: Record<string, Rule> = { Shape: shapeOf, Size: shapeOf, ConstantOfShape: constantOfShape, Range: range };
