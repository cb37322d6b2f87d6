/** What is known of a tensor while the batch axis is followed through a graph. Pure. */
import { dependsOnRows, equal, isNumber, isOne, type Dimension } from './dimension.ts';

/** The same for all requests of a call, and for any number of rows. */
export interface Constant {
  kind: 'constant';
  /** Undefined: not even the number of dimensions is known. */
  shape?: readonly Dimension[];
  /** The integers of a scalar or a list, where they are known. */
  items?: readonly Dimension[];
  /** The floating-point numbers, where they are known. */
  floats?: readonly number[];
}

/**
 * Integers from shapes, of which some depend on the number of rows: the result of Shape, and what is computed from it.
 */
export interface Sizes {
  kind: 'sizes';
  shape: readonly Dimension[];
  items: readonly Dimension[];
}

/**
 * Data of requests. `shape[axis]` is rows × m: divided along that axis into as many equal parts as there are rows, each
 * part depends on its own row only.
 */
export interface Rows {
  kind: 'rows';
  axis: number;
  shape: readonly Dimension[];
}

/** None of these is proven. */
export interface Refused {
  kind: 'refused';
  verdict: 'Mixed' | 'Unknown';
  why: string;
}

export type Value = Constant | Sizes | Rows | Refused;

/** Thrown by rules: the result of an operator is `verdict`, because of `why`. */
export class Refusal extends Error {
  readonly verdict: Refused['verdict'];
  constructor(verdict: Refused['verdict'], why: string) {
    super(why);
    this.verdict = verdict;
  }
}
export const mixes = (why: string): Refusal => new Refusal('Mixed', why);
export const unknown = (why: string): Refusal => new Refusal('Unknown', why);

/** A new name for an unknown dimension. */
export type Fresh = () => Dimension;

/** An operator with what is known of its inputs. */
export interface Operator {
  type: string;
  /** Version of its operator set. */
  opset: number;
  inputs: readonly (Value | undefined)[];
  /** Outputs that are used. */
  outputs: number;
  /** Number of outputs, including unused ones. */
  places: number;
  fresh: Fresh;
  int: (name: string, otherwise: number) => number;
  ints: (name: string) => readonly number[] | undefined;
  floats: (name: string) => readonly number[] | undefined;
  text: (name: string) => string | undefined;
  /** Length of a list attribute; 0 where it is missing. */
  count: (name: string) => number;
  has: (name: string) => boolean;
}

/** The result of an operator; throws Refusal. One value stands for all its outputs. */
export type Rule = (operator: Operator) => Value | readonly Value[];

/** Throws for an axis that does not exist. */
export function rowsAt(axis: number, shape: readonly (Dimension | undefined)[]): Rows {
  if (axis < 0 || axis >= shape.length || shape.includes(undefined)) throw unknown('a shape cannot be followed');
  return { kind: 'rows', axis, shape: shape as readonly Dimension[] };
}

/** Integers as a value: sizes where one depends on the number of rows. */
export function wholeNumbers(items: readonly Dimension[], shape: readonly Dimension[]): Constant | Sizes {
  return items.some(dependsOnRows) ? { kind: 'sizes', shape, items } : { kind: 'constant', shape, items };
}

/** The input, which must be data of requests. */
export function dataAt({ inputs, type }: Operator, index: number): Rows {
  const value = inputs[index];
  if (value?.kind !== 'rows') throw unknown(`input ${index} of ${type} is not data of a request`);
  return value;
}

/** The input, which must be the same for all requests; undefined where it is left out. */
export function constantAt({ inputs, type }: Operator, index: number): Constant | undefined {
  const value = inputs[index];
  if (value === undefined) return undefined;
  if (value.kind === 'sizes') throw mixes(`input ${index} of ${type} depends on how many rows come together`);
  if (value.kind !== 'constant') throw unknown(`input ${index} of ${type} is not constant`);
  return value;
}

/** Throws unless the inputs from `index` on are the same for all requests. */
export function constantFrom(operator: Operator, index: number): void {
  for (let i = index; i < operator.inputs.length; i++) constantAt(operator, i);
}

/** The numbers of a constant input; undefined where it is left out. Throws where they are not known. */
export function numbersAt(operator: Operator, index: number): number[] | undefined {
  const value = constantAt(operator, index);
  if (!value) return undefined;
  if (!value.items?.every(isNumber)) throw unknown(`input ${index} of ${operator.type} is not known beforehand`);
  return value.items.map(({ factor }) => factor);
}

/** The axis counted from the front; `rank` is the number of dimensions. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Throws Mixed where the operator works along the batch axis. */
export function apart({ type }: Operator, { axis, shape }: Rows, along: readonly number[]): void {
  if (along.some((one) => fromFront(one, shape.length) === axis)) throw mixes(`${type} works along the batch axis`);
}

/**
 * Where a constant is broadcast to data, its axis at the batch axis must be 1 or missing. `behind`: number of axes
 * after it.
 */
export function overAllRows({ type }: Operator, { shape }: Constant, behind: number): void {
  if (!shape) throw unknown(`the shape of a constant of ${type} is not known`);
  const dimension = shape[shape.length - 1 - behind];
  if (dimension !== undefined && !isOne(dimension))
    throw unknown(`a constant of ${type} has a value of its own for each row`);
}

/** The dimension that broadcasting makes of two. */
export function broadcastDimension(a: Dimension, b: Dimension, fresh: Fresh): Dimension {
  if (equal(a, b) || isOne(b)) return a;
  if (isOne(a) || isNumber(b)) return b;
  return isNumber(a) ? a : fresh();
}
