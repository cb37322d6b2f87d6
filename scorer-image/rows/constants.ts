/** Shapes of the results of operators on constants, where those are simple. Pure. */
import { isNumber, ONE, type Dimension } from './dimension.ts';
import { broadcast } from './elementwise.ts';
import { fromFront, type Constant, type Operator, type Rule, type Value } from './value.ts';

type Shape = readonly Dimension[];
type ShapeRule = (shape: Shape, operator: Operator, second: Constant | undefined) => Shape | undefined;

const sameShape: ShapeRule = (shape) => shape;

/** An attribute, or an input with known numbers. */
const axesOf = ({ ints }: Operator, second: Constant | undefined): readonly number[] | undefined =>
  ints('axes') ?? (second?.items?.every(isNumber) ? second.items.map(({ factor }) => factor) : undefined);

const squeezed: ShapeRule = (shape, operator, second) => {
  const axes = axesOf(operator, second)?.map((axis) => fromFront(axis, shape.length));
  return axes?.length ? shape.filter((_, i) => !axes.includes(i)) : undefined;
};

const unsqueezed: ShapeRule = (shape, operator, second) => {
  const axes = axesOf(operator, second);
  if (!axes) return undefined;
  const made = [...shape];
  for (const axis of axes.map((one) => fromFront(one, shape.length + axes.length)).sort((a, b) => a - b))
    made.splice(axis, 0, ONE);
  return made;
};

const gathered: ShapeRule = (shape, operator, second) => {
  const axis = fromFront(operator.int('axis', 0), shape.length);
  return second?.shape && [...shape.slice(0, axis), ...second.shape, ...shape.slice(axis + 1)];
};

const joined: ShapeRule = (shape, operator) => {
  const axis = fromFront(operator.int('axis', 0), shape.length);
  return shape.with(axis, operator.fresh());
};

const SHAPES: Record<string, ShapeRule> = {
  Transpose: (shape, operator) =>
    (operator.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i)).map((from) => shape[from]!),
  DequantizeLinear: sameShape,
  QuantizeLinear: sameShape,
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Gather: gathered,
  Concat: joined,
};

/** Rules that also know the results for constants. */
const ALSO_CONSTANTS = ['Slice', 'Reshape', 'Expand'];

/** The result of an operator whose inputs are the same for all requests. */
export function ofConstants(operator: Operator, rule: Rule | undefined): Value | readonly Value[] {
  if (rule && (rule === broadcast || ALSO_CONSTANTS.includes(operator.type))) return rule(operator);
  const [first, second] = operator.inputs.map((input) => (input?.kind === 'constant' ? input : undefined));
  const shape = first?.shape && SHAPES[operator.type]?.(first.shape, operator, second);
  return { kind: 'constant', ...(shape && { shape }) };
}
