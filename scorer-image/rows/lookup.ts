/** Rules for operators that look elements up by index: gather, scatter, one-hot. Pure. */
import { equal, isNumber } from './dimension.ts';
import { apart, constantAt, constantFrom, dataAt, fromFront, mixes, rowsAt, unknown, type Rule } from './value.ts';

/** Two cases: entries of a constant table at indices from the requests, or the same constant indices of each row. */
const gather: Rule = (operator) => {
  const [data, indices] = operator.inputs;
  if (data?.kind === 'constant' && indices?.kind === 'rows') {
    if (!data.shape) throw unknown('the shape of a table of Gather is not known');
    const axis = fromFront(operator.int('axis', 0), data.shape.length);
    return rowsAt(axis + indices.axis, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)]);
  }
  const rows = dataAt(operator, 0);
  const axis = fromFront(operator.int('axis', 0), rows.shape.length);
  apart(operator, rows, [axis]);
  const places = constantAt(operator, 1)?.shape;
  if (!places) throw unknown('the shape of the indices of Gather is not known');
  return rowsAt(rows.axis > axis ? rows.axis + places.length - 1 : rows.axis, [
    ...rows.shape.slice(0, axis),
    ...places,
    ...rows.shape.slice(axis + 1),
  ]);
};

/** Data, indices and updates carry the same rows on the same axis, and the elements move along another axis. */
const elements: Rule = (operator) => {
  const data = operator.inputs.map((_, i) => dataAt(operator, i));
  const [first, second] = data;
  apart(operator, first!, [operator.int('axis', 0)]);
  if (
    data.some(
      ({ axis, shape }) =>
        axis !== first!.axis ||
        shape.length !== first!.shape.length ||
        !equal(shape[axis]!, first!.shape[first!.axis]!),
    )
  )
    throw mixes(`${operator.type} takes elements of other rows`);
  return operator.type === 'GatherElements' ? second! : first!;
};

const gatherNd: Rule = (operator) => {
  const [data, indices] = [dataAt(operator, 0), dataAt(operator, 1)];
  if (
    operator.int('batch_dims', 0) < 1 ||
    data.axis !== 0 ||
    indices.axis !== 0 ||
    !equal(data.shape[0]!, indices.shape[0]!)
  )
    throw mixes('GatherND takes elements of other rows');
  const last = indices.shape.at(-1)!;
  if (!isNumber(last) || indices.shape.length < 2) throw unknown('the shape that GatherND makes is not known');
  return rowsAt(0, [...indices.shape.slice(0, -1), ...data.shape.slice(operator.int('batch_dims', 0) + last.factor)]);
};

const oneHot: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const axis = fromFront(operator.int('axis', -1), data.shape.length + 1);
  return rowsAt(data.axis >= axis ? data.axis + 1 : data.axis, data.shape.toSpliced(axis, 0, operator.fresh()));
};

/** Rules for inputs of which at least one carries rows; follow.ts handles operators with constant inputs only. */
export const LOOKUP: Record<string, Rule> = {
  Gather: gather,
  GatherElements: elements,
  ScatterElements: elements,
  GatherND: gatherNd,
  OneHot: oneHot,
};
