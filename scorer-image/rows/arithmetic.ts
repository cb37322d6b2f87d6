/** Arithmetic on whole numbers that come from shapes: an exact result, or an unknown number. Pure. */
import {
  anyNumber,
  byRows,
  dependsOnRows,
  equal,
  isLength,
  isNumber,
  number,
  over,
  times,
  type Dimension,
} from './dimension.ts';
import { unknown, type Operator } from './value.ts';

/** An unknown number; it depends on the number of rows where one of `from` does. */
const other = ({ fresh }: Operator, ...from: Dimension[]): Dimension =>
  from.some(dependsOnRows) ? byRows(fresh()) : anyNumber(fresh());

/** The result of an operator for one number of each input. */
type Arithmetic = (a: Dimension, b: Dimension, operator: Operator) => Dimension;

/** Larger numbers may overflow the type that the model computes with. */
export const MAX_VALUE = 2 ** 31;

const ofNumbers =
  (compute: (a: number, b: number) => number): Arithmetic =>
  (a, b, operator) => {
    const made = isNumber(a) && isNumber(b) ? compute(a.factor, b.factor) : NaN;
    return Math.abs(made) < MAX_VALUE ? number(made) : other(operator, a, b);
  };

/** 1, 0, or undefined where it is not known. Lengths are never negative. */
function compared(a: Dimension, b: Dimension): number | undefined {
  if (equal(a, b)) return 1;
  if (isNumber(a) && isNumber(b)) return 0;
  const [one, length] = isNumber(a) ? [a, b] : [b, a];
  return isNumber(one) && one.factor < 0 && isLength(length) && length.factor > 0 ? 0 : undefined;
}

export const isZero = (dimension: Dimension): boolean => isNumber(dimension) && dimension.factor === 0;

export const ARITHMETIC: Record<string, Arithmetic> = {
  Add: (a, b, operator) => {
    if (isZero(a)) return b;
    return isZero(b) ? a : ofNumbers((x, y) => x + y)(a, b, operator);
  },
  Sub: (a, b, operator) => (isZero(b) ? a : ofNumbers((x, y) => x - y)(a, b, operator)),
  Mul: (a, b, operator) => (Math.abs(a.factor * b.factor) < MAX_VALUE ? times(a, b) : other(operator, a, b)),
  Div: (a, b, operator) =>
    isNumber(a) && isNumber(b) && b.factor !== 0
      ? number(Math.trunc(a.factor / b.factor))
      : (over(a, b) ?? other(operator, a, b)),
  Mod: (a, b, operator) =>
    operator.int('fmod', 0) === 0 ? ofNumbers((x, y) => ((x % y) + y) % y)(a, b, operator) : other(operator, a, b),
  Max: ofNumbers(Math.max),
  Min: ofNumbers(Math.min),
  Equal: (a, b) => {
    const same = compared(a, b);
    if (same === undefined) throw unknown('Equal compares numbers that are not known');
    return number(same);
  },
};
