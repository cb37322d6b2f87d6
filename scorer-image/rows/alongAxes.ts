/** Rules for operators that work along some axes: softmax, reductions, normalization, recurrent layers. Pure. */
import { equal, isOne, number, ONE, type Dimension } from './dimension.ts';
import {
  apart,
  constantAt,
  constantFrom,
  dataAt,
  fromFront,
  mixes,
  numbersAt,
  overAllRows,
  rowsAt,
  unknown,
  type Operator,
  type Rows,
  type Rule,
  type Value,
} from './value.ts';

/** Up to operator set 12, the axis and all axes after it are one. */
const softmax: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const axis = fromFront(operator.int('axis', operator.opset < 13 ? 1 : -1), data.shape.length);
  apart(operator, data, operator.opset < 13 ? data.shape.map((_, i) => i).slice(axis) : [axis]);
  return data;
};

const reduce: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const rank = data.shape.length;
  const axes = operator.ints('axes') ?? numbersAt(operator, 1) ?? [];
  if (axes.length === 0 && operator.int('noop_with_empty_axes', 0) !== 0) return data;
  const gone =
    axes.length === 0 ? data.shape.map((_, i) => i) : [...new Set(axes.map((axis) => fromFront(axis, rank)))];
  apart(operator, data, gone);
  return without(data, gone, operator.int('keepdims', 1) !== 0);
};

const argument: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const gone = [fromFront(operator.int('axis', 0), data.shape.length)];
  apart(operator, data, gone);
  return without(data, gone, operator.int('keepdims', 1) !== 0);
};

const without = ({ axis, shape }: Rows, gone: readonly number[], kept: boolean): Rows =>
  kept
    ? rowsAt(
        axis,
        shape.map((one, i) => (gone.includes(i) ? ONE : one)),
      )
    : rowsAt(
        axis - gone.filter((one) => one < axis).length,
        shape.filter((_, i) => !gone.includes(i)),
      );

const topK: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const axis = fromFront(operator.int('axis', -1), data.shape.length);
  apart(operator, data, [axis]);
  const k = operator.inputs[1]?.kind === 'constant' ? operator.inputs[1].items?.[0] : number(operator.int('k', 1));
  return rowsAt(data.axis, data.shape.with(axis, k ?? operator.fresh()));
};

const cumulated: Rule = (operator) => {
  const data = dataAt(operator, 0);
  apart(operator, data, numbersAt(operator, 1) ?? []);
  return data;
};

/** Mean and deviation are those of all axes from `axis` on. Each further output has one value for them. */
const layerNormalization: Rule = (operator) => {
  const data = dataAt(operator, 0);
  constantFrom(operator, 1);
  const from = fromFront(operator.int('axis', -1), data.shape.length);
  if (data.axis >= from) throw mixes(`${operator.type} takes the mean over rows`);
  for (let i = 1; i < operator.inputs.length; i++)
    if (operator.inputs[i]) overAllRows(operator, constantAt(operator, i)!, data.shape.length - 1 - data.axis);
  const statistics = rowsAt(
    data.axis,
    data.shape.map((one, i) => (i >= from ? ONE : one)),
  );
  return [data, statistics, statistics];
};

/** Normalizes along some axes. */
const along =
  (axes: (operator: Operator) => readonly number[]): Rule =>
  (operator) => {
    const data = dataAt(operator, 0);
    apart(operator, data, axes(operator));
    return data;
  };

/** Throws unless a given state has one entry per row on that axis. */
function ofEachRow({ type }: Operator, state: Value | undefined, axis: number, rows: Dimension): void {
  if (state !== undefined && (state.kind !== 'rows' || state.axis !== axis || !equal(state.shape[axis]!, rows)))
    throw unknown(`${type} has a state that is not one of each row`);
}

/** X is [sequence, batch, input], or with layout 1 [batch, sequence, input]. */
const recurrent: Rule = (operator) => {
  const [data, , , , lengths, hidden, cell] = operator.inputs;
  const batch = operator.int('layout', 0) === 1 ? 0 : 1;
  if (data?.kind !== 'rows' || data.shape.length !== 3)
    throw unknown(`input 0 of ${operator.type} is not data of a request`);
  if (data.axis !== batch) throw mixes(`${operator.type} takes the batch axis for a sequence`);
  const rows = data.shape[batch]!;
  for (const index of [1, 2, 3, 7]) constantAt(operator, index);
  ofEachRow(operator, lengths, 0, rows);
  for (const state of [hidden, cell]) ofEachRow(operator, state, batch, rows);
  const directions = number(operator.text('direction') === 'bidirectional' ? 2 : 1);
  const width = operator.has('hidden_size') ? number(operator.int('hidden_size', 0)) : operator.fresh();
  return recurrentOutputs(batch, { rows, sequence: data.shape[1 - batch]!, directions, width });
};

/** Y, Y_h and Y_c. */
function recurrentOutputs(
  batch: 0 | 1,
  { rows, sequence, directions, width }: Record<'rows' | 'sequence' | 'directions' | 'width', Dimension>,
): Rows[] {
  if (batch === 0) {
    const state = rowsAt(0, [rows, directions, width]);
    return [rowsAt(0, [rows, sequence, directions, width]), state, state];
  }
  const state = rowsAt(1, [directions, rows, width]);
  return [rowsAt(2, [sequence, directions, rows, width]), state, state];
}

const dynamicQuantization: Rule = (operator) => {
  dataAt(operator, 0);
  throw mixes('DynamicQuantizeLinear takes one scale over all rows');
};

/** Scale and zero point are constant: one, or one for each index of an axis that is not the batch axis. */
const quantization: Rule = (operator) => {
  const data = dataAt(operator, 0);
  for (const index of [1, 2]) {
    const constant = constantAt(operator, index);
    if (constant && constant.shape?.length !== 0) {
      if (!constant.shape) throw unknown(`the shape of a constant of ${operator.type} is not known`);
      if (constant.shape.length > 1 || !isOne(constant.shape[0]!)) apart(operator, data, [operator.int('axis', 1)]);
      if (constant.shape.length > 1 || operator.int('block_size', 0) !== 0)
        throw unknown(`${operator.type} works in blocks`);
    }
  }
  return data;
};

export const ALONG_AXES: Record<string, Rule> = {
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map((name) => [
      `Reduce${name}`,
      reduce,
    ]),
  ),
  ArgMax: argument,
  ArgMin: argument,
  TopK: topK,
  CumSum: cumulated,
  LayerNormalization: layerNormalization,
  RMSNormalization: layerNormalization,
  LpNormalization: along(({ int }) => [int('axis', -1)]),
  MeanVarianceNormalization: along(({ ints }) => ints('axes') ?? [0, 2, 3]),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  DynamicQuantizeLinear: dynamicQuantization,
  QuantizeLinear: quantization,
  DequantizeLinear: quantization,
};
