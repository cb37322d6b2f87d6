/** Rules for the domain ai.onnx.ml: trees, linear models, support vectors, and their preprocessing. Pure. */
import { equal, isNumber, number, ONE, product, type Dimension } from './dimension.ts';
import { constantAt, dataAt, mixes, rowsAt, unknown, type Operator, type Rows, type Rule } from './value.ts';

/** [rows, features]. A one-dimensional list would be one row. */
function table(operator: Operator, index = 0): Rows {
  const data = dataAt(operator, index);
  if (data.axis !== 0 || data.shape.length !== 2) throw mixes(`${operator.type} takes the batch axis for features`);
  return data;
}

const classifier: Rule = (operator) => {
  const { shape } = table(operator);
  return [rowsAt(0, [shape[0]!]), rowsAt(0, [shape[0]!, operator.fresh()])];
};

const regressor: Rule = (operator) =>
  rowsAt(0, [
    table(operator).shape[0]!,
    operator.has('n_targets') ? number(operator.int('n_targets', 1)) : operator.fresh(),
  ]);

const counted: Rule = (operator) => rowsAt(0, [table(operator).shape[0]!, operator.fresh()]);

/** Longer lists of attributes were not read completely. */
const KEPT_VALUES = 1024;

const oneHot: Rule = (operator) => {
  const data = dataAt(operator, 0);
  const categories = operator.count('cats_int64s') + operator.count('cats_strings');
  return rowsAt(data.axis, [...data.shape, categories < KEPT_VALUES ? number(categories) : operator.fresh()]);
};

const featureVector: Rule = (operator) => {
  const tables = operator.inputs.map((_, i) => table(operator, i));
  if (tables.some(({ shape }) => !equal(shape[0]!, tables[0]!.shape[0]!)))
    throw unknown('FeatureVectorizer takes inputs with other numbers of rows');
  return rowsAt(0, [tables[0]!.shape[0]!, operator.fresh()]);
};

/** Elements of the last axis; from a constant, one value for each row. */
const extracted: Rule = (operator) => {
  const [data] = operator.inputs;
  return data?.kind === 'rows' ? extractedFromRows(operator, data) : extractedFromConstant(operator);
};

function extractedFromRows(operator: Operator, data: Rows): Rows {
  const chosen = constantAt(operator, 1);
  if (data.axis === data.shape.length - 1) throw mixes('ArrayFeatureExtractor chooses rows');
  return rowsAt(data.axis, [...data.shape.slice(0, -1), chosen?.shape ? product(chosen.shape) : operator.fresh()]);
}

function extractedFromConstant(operator: Operator): Rows {
  const places = operator.inputs[1];
  const shape: readonly Dimension[] | undefined = constantAt(operator, 0)?.shape;
  const chosen = dataAt(operator, 1);
  if (!shape || places === undefined) throw unknown('the shape of the values of ArrayFeatureExtractor is not known');
  const ahead = shape.length > 1 ? shape.slice(0, -1) : [ONE];
  if (chosen.axis !== 0 || !ahead.every((one) => isNumber(one)))
    throw unknown('ArrayFeatureExtractor is not known to keep rows apart');
  return rowsAt(ahead.length, [...ahead, product(chosen.shape)]);
}

const sameShape: Rule = (operator) => table(operator);

export const CLASSICAL: Record<string, Rule> = Object.fromEntries(
  Object.entries({
    TreeEnsembleClassifier: classifier,
    LinearClassifier: classifier,
    SVMClassifier: classifier,
    TreeEnsembleRegressor: regressor,
    TreeEnsemble: regressor,
    LinearRegressor: regressor,
    SVMRegressor: regressor,
    Normalizer: sameShape,
    Imputer: sameShape,
    Scaler: sameShape,
    ZipMap: sameShape,
    OneHotEncoder: oneHot,
    FeatureVectorizer: featureVector,
    ArrayFeatureExtractor: extracted,
  } satisfies Record<string, Rule>).map(([type, rule]) => [`ai.onnx.ml.${type}`, rule]),
);

/** Counts of words: in the standard domain, but of the same kind. */
export const TEXTS: Record<string, Rule> = { TfIdfVectorizer: counted };
