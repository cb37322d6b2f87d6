/** The rule for Slice: bounds are attributes in old operator sets, inputs in newer ones. Pure. */
import { isNumber, number, type Dimension } from './dimension.ts';
import {
  apart,
  constantFrom,
  fromFront,
  numbersAt,
  rowsAt,
  unknown,
  type Constant,
  type Operator,
  type Rule,
} from './value.ts';

/** The end of an axis as exporters write it (the largest number of a type, or 10^9): no request has so many rows. */
const END = 1e9;

interface Cut {
  axis: number;
  start: Dimension | undefined;
  end: Dimension | undefined;
  step: number;
}

export const slice: Rule = (operator) => {
  constantFrom(operator, 1);
  const [data] = operator.inputs;
  if (data?.kind === 'constant') return ofConstant(operator, data);
  if (data?.kind !== 'rows') throw unknown('the input of Slice is not data of a request');
  const shape = [...data.shape];
  for (const cut of cuts(operator, shape.length)) {
    if (isWhole(cut)) continue;
    apart(operator, data, [cut.axis]);
    shape[cut.axis] = length(cut, data.shape[cut.axis]!) ?? operator.fresh();
  }
  return rowsAt(data.axis, shape);
};

function ofConstant(operator: Operator, { shape }: Constant): Constant {
  const axes = shape && cuts(operator, shape.length).map(({ axis }) => axis);
  return {
    kind: 'constant',
    ...(shape && { shape: shape.map((one, i) => (axes!.includes(i) ? operator.fresh() : one)) }),
  };
}

/** Throws where it is not known which axes are sliced. */
function cuts(operator: Operator, rank: number): Cut[] {
  const { inputs, opset } = operator;
  const list = (index: number, name: string): readonly Dimension[] | undefined => {
    if (opset < 10) return operator.ints(name)?.map(number);
    const value = inputs[index];
    return value?.kind === 'constant' ? value.items : undefined;
  };
  const [starts, ends] = [list(1, 'starts'), list(2, 'ends')];
  const axes = (opset < 10 ? operator.ints('axes') : numbersAt(operator, 3)) ?? starts?.map((_, i) => i);
  if (!axes) throw unknown('the axes that Slice cuts are not known');
  const steps = opset < 10 ? undefined : numbersAt(operator, 4);
  return axes.map((axis, i) => ({
    axis: fromFront(axis, rank),
    start: starts?.[i],
    end: ends?.[i],
    step: steps?.[i] ?? 1,
  }));
}

const isWhole = ({ start, end, step }: Cut): boolean =>
  step === 1 && start?.factor === 0 && end !== undefined && isNumber(end) && end.factor >= END;

function length({ start, end, step }: Cut, of: Dimension): Dimension | undefined {
  if (step !== 1 || !start || !end || ![start, end, of].every(isNumber)) return undefined;
  const within = (at: number): number => Math.min(Math.max(at < 0 ? at + of.factor : at, 0), of.factor);
  return number(Math.max(within(end.factor) - within(start.factor), 0));
}
