/**
 * MLflow's dialect, which SageMaker's containers speak, too: a body of /invocations as {"<input>": rows, …}. Pure.
 * Keys as in mlflow/pyfunc/scoring_server; `instances` and `inputs` are TensorFlow Serving's row and column formats.
 */
import type { ModelSignature } from '@penstock/contract';
import { BadInput } from '../load/json.ts';

type Body = Record<string, unknown>;
type Formats = Record<string, (given: unknown, inputs: readonly string[]) => Body>;

const FORMATS: Formats = {
  /** Rows of the one input, or {"<input>": rows}. */
  inputs: (given, inputs) => (isObject(given) ? given : { [inputs[0]!]: given }),
  /** A list with each row of the one input, or with {"<input>": row} for each row. */
  instances: (given, inputs) => {
    const rows = listOf(given, 'instances');
    return isObject(rows[0]) ? byColumn(rows, 'instances') : { [inputs[0]!]: rows };
  },
  /** pandas, split: {"columns": […], "data": rows}; columns are the features of the one input, or inputs of their own. */
  dataframe_split: (given, inputs) => {
    if (!isObject(given)) throw new BadInput('dataframe_split must be {"columns": […], "data": rows}');
    const rows = listOf(given.data, 'dataframe_split.data');
    if (given.columns === undefined) return { [inputs[0]!]: rows };
    const columns = listOf(given.columns, 'dataframe_split.columns').map((name) => {
      if (typeof name !== 'string' && typeof name !== 'number') throw new BadInput('dataframe_split.columns must be names');
      return String(name);
    });
    const lists = rows.map((row, at) => {
      const list = listOf(row, `dataframe_split.data[${at}]`);
      if (list.length !== columns.length) throw new BadInput(`dataframe_split.data[${at}] has ${list.length} values, there are ${columns.length} columns`);
      return list;
    });
    if (!areInputs(columns, inputs)) return { [inputs[0]!]: lists };
    return Object.fromEntries(columns.map((name, i) => [name, lists.map((list) => [list[i]])]));
  },
  /** pandas, records: [{"<column>": value}, …], the columns in the order of the first record. */
  dataframe_records: (given, inputs) => {
    const columns = byColumn(listOf(given, 'dataframe_records'), 'dataframe_records');
    const names = Object.keys(columns);
    if (areInputs(names, inputs)) return Object.fromEntries(names.map((name) => [name, columns[name]!.map((value) => [value])]));
    return { [inputs[0]!]: (columns[names[0]!] ?? []).map((_, row) => names.map((name) => columns[name]![row])) };
  },
};

/** Throws BadInput for a body that is not exactly one of the formats. */
export function invocation(body: unknown, { inputs }: ModelSignature): Body {
  const formats = Object.keys(FORMATS);
  const given = isObject(body) ? Object.keys(body).filter((key) => key !== 'params' || !isObject(body.params) || Object.keys(body.params).length > 0) : [];
  if (given.length !== 1 || !formats.includes(given[0]!)) throw new BadInput(`the body must be a JSON object with exactly one of ${formats.join(', ')}${given.includes('params') ? '; an ONNX model has no params' : ''}`);
  return FORMATS[given[0]!]!((body as Body)[given[0]!], inputs.map(({ name }) => name));
}

/** Columns are inputs of their own when there are several inputs, or the one has that name. */
const areInputs = (columns: readonly string[], inputs: readonly string[]): boolean => columns.length > 0 && (inputs.length > 1 || (columns.length === 1 && columns[0] === inputs[0]));

const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value);

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new BadInput(`${what} must be a list`);
  return value as unknown[];
}

/** [{a, b}, …] → {a: […], b: […]}; every row has the columns of the first. */
function byColumn(rows: readonly unknown[], what: string): Record<string, unknown[]> {
  const names = isObject(rows[0]) ? Object.keys(rows[0]) : [];
  if (rows.length > 0 && names.length === 0) throw new BadInput(`${what}[0] must be an object with the columns' names`);
  return Object.fromEntries(names.map((name) => [name, rows.map((row, i) => {
    if (!isObject(row) || !Object.hasOwn(row, name) || Object.keys(row).length !== names.length) throw new BadInput(`${what}[${i}] must have the keys of the first: ${names.join(', ').slice(0, 200)}`);
    return row[name];
  })]));
}
