/** Rules for operators that compute each element separately, with broadcasting. Pure. */
import { equal, type Dimension } from './dimension.ts';
import {
  broadcastDimension,
  mixes,
  overAllRows,
  rowsAt,
  unknown,
  type Constant,
  type Operator,
  type Rows,
  type Rule,
  type Value,
} from './value.ts';

const isData = (value: Value | undefined): value is Rows => value?.kind === 'rows';

/** NumPy's broadcasting, from the last axis. The batch axes must coincide. */
export const broadcast: Rule = (operator) => {
  const { type, fresh } = operator;
  const inputs = operator.inputs.filter((input) => input !== undefined);
  if (inputs.some(({ kind }) => kind === 'sizes')) throw mixes(`${type} computes with the number of rows`);
  const data = inputs.filter(isData);
  const constants = inputs.filter((input): input is Constant => input.kind === 'constant');
  const [first] = data;
  if (!first)
    return constants.every(({ shape }) => shape)
      ? { kind: 'constant', shape: constants.map(({ shape }) => shape!).reduce((a, b) => together(a, b, fresh)) }
      : { kind: 'constant' };
  const behind = first.shape.length - 1 - first.axis;
  for (const { axis, shape } of data) {
    if (shape.length - 1 - axis !== behind) throw mixes(`${type} puts rows of one input across those of another`);
    if (!equal(shape[axis]!, first.shape[first.axis]!))
      throw unknown(`${type} takes inputs with other numbers of rows`);
  }
  for (const constant of constants) overAllRows(operator, constant, behind);
  const shape = [...data, ...constants].map((one) => one.shape!).reduce((a, b) => together(a, b, fresh));
  return rowsAt(shape.length - 1 - behind, shape.with(shape.length - 1 - behind, first.shape[first.axis]!));
};

/** The broadcast shape of two. */
export function together(a: readonly Dimension[], b: readonly Dimension[], fresh: Operator['fresh']): Dimension[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const ahead = long.length - short.length;
  return long.map((dimension, i) => (i < ahead ? dimension : broadcastDimension(dimension, short[i - ahead]!, fresh)));
}

/** In newer operator sets, training is an input. */
const inference: Rule = (operator) => {
  const training = operator.inputs[2];
  const off = training?.kind === 'constant' && training.items?.every(({ factor }) => factor === 0);
  if (training !== undefined && !off) throw unknown(`${operator.type} may be in training mode`);
  const [data] = operator.inputs;
  return data?.kind === 'rows' ? rowsAt(data.axis, data.shape) : broadcast({ ...operator, inputs: [data] });
};

/** The second input only gives a type. */
const castLike: Rule = (operator) => broadcast({ ...operator, inputs: operator.inputs.slice(0, 1) });

/** StringNormalizer drops stop words, which moves the elements of other rows. */
const normalizedText: Rule = (operator) => {
  if (operator.has('stopwords')) throw mixes('StringNormalizer with stop words moves other rows');
  return broadcast(operator);
};

const SINGLE =
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu';
const SEVERAL =
  'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor';
const LEARNED = 'Binarizer CategoryMapper LabelEncoder';

export const ELEMENTWISE: Record<string, Rule> = {
  ...Object.fromEntries([...SINGLE.split(' '), ...SEVERAL.split(' ')].map((type) => [type, broadcast])),
  ...Object.fromEntries(LEARNED.split(' ').map((type) => [`ai.onnx.ml.${type}`, broadcast])),
  Dropout: inference,
  CastLike: castLike,
  StringNormalizer: normalizedText,
};
