/**
 * Data frames as clients of pandas, MLflow and Azure ML send them, converted to {"<input>": rows}. Columns are matched
 * by name where the model has names. Where it has none, lists are taken in their order, and records, which have no
 * order, are refused. Pure.
 */
import { isJsonObject, type ModelSignature, type TensorSignature } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';

export type Body = Record<string, unknown>;

export function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new BadInput(`${what} must be a list`);
  return value as unknown[];
}

/**
 * Reads a body of /score: {"<input>": rows}, {"data": …}, {"input_data": …}, {"Inputs": {"<any>": …}}, or rows
 * themselves.
 */
export function fromScoreBody(body: unknown, signature: ModelSignature): unknown {
  if (Array.isArray(body)) return fromRows(body, 'the body', signature);
  if (!isJsonObject(body) || signature.inputs.some(({ name }) => Object.hasOwn(body, name))) return body;
  if (Object.hasOwn(body, 'data')) return fromRows(body.data, 'data', signature);
  if (Object.hasOwn(body, 'input_data')) return fromInputData(body.input_data, signature);
  return fromInputs(body, signature);
}

/** {"Inputs": {"<any>": rows}}; any other body is returned as it is. */
function fromInputs(body: Body, signature: ModelSignature): unknown {
  const entries = isJsonObject(body.Inputs) ? Object.entries(body.Inputs) : [];
  const [name, rows] = entries[0] ?? [];
  return entries.length === 1 && Array.isArray(rows) ? fromRows(rows, `Inputs.${name!}`, signature) : body;
}

/** Azure ML's form for MLflow models: a data frame as pandas splits it, rows, records, or {"<input>": rows}. */
function fromInputData(given: unknown, signature: ModelSignature): unknown {
  if (isJsonObject(given))
    return Object.hasOwn(given, 'data') && !signature.inputs.some(({ name }) => name === 'data')
      ? fromSplit(given, 'input_data', signature)
      : given;
  return fromRows(given, 'input_data', signature);
}

/** A list of rows of the one input, of rows whose columns are inputs, of records, or of values of a single column. */
export function fromRows(given: unknown, where: string, signature: ModelSignature): Body {
  const { inputs } = signature;
  const [first] = inputs;
  if (!Array.isArray(given)) return { [first!.name]: given };
  if (isJsonObject(given[0])) return fromRecords(given, where, signature);
  if (inputs.length === 1)
    return { [first!.name]: isColumn(first!) ? given.map((value) => cell(value, first!)) : given };
  if (!inputs.every(isColumn))
    throw new BadInput(
      `the model has ${inputs.length} inputs that are not all columns: send {${inputs
        .map(({ name }) => `"${name}": rows`)
        .join(', ')
        .slice(0, 200)}}`,
    );
  const rows = given.map((row: unknown, at) => assertLength(row, inputs.length, `${where}[${at}]`, 'inputs'));
  return Object.fromEntries(inputs.map((input, i) => [input.name, rows.map((row) => cell(row[i], input))]));
}

/** {"columns": […], "data": rows}. */
export function fromSplit({ columns, data }: Body, where: string, signature: ModelSignature): Body {
  const rows = listOf(data, `${where}.data`);
  if (columns === undefined) return fromRows(rows, `${where}.data`, signature);
  const names = listOf(columns, `${where}.columns`).map((name) => {
    if (typeof name !== 'string' && typeof name !== 'number') throw new BadInput(`${where}.columns must be names`);
    return String(name);
  });
  const lists = rows.map((row, at) => assertLength(row, names.length, `${where}.data[${at}]`, 'columns'));
  return matchByName(names, lists, signature) ?? { [signature.inputs[0]!.name]: lists };
}

/** [{"<column>": value}, …], all with the same columns. */
export function fromRecords(given: unknown, where: string, signature: ModelSignature): Body {
  const records = listOf(given, where);
  const names = isJsonObject(records[0]) ? Object.keys(records[0]) : [];
  if (records.length > 0 && names.length === 0)
    throw new BadInput(`${where}[0] must be an object with the columns' names`);
  const lists = records.map((record, at) => {
    const same =
      isJsonObject(record) &&
      Object.keys(record).length === names.length &&
      names.every((name) => Object.hasOwn(record, name));
    if (!same) throw new BadInput(`${where}[${at}] must have the keys of the first: ${names.join(', ').slice(0, 200)}`);
    return names.map((name) => record[name]);
  });
  const found =
    matchByName(names, lists, signature) ?? (names.length <= 1 ? { [signature.inputs[0]!.name]: lists } : undefined);
  if (!found)
    throw new BadInput(
      `${where}: the model has no names of features, so the columns of a record have no order. Send lists (dataframe_split, or {"data": rows}), or set spec.features of its ModelVersion`,
    );
  return found;
}

/** Undefined for a single input without feature names. */
function matchByName(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  { inputs }: ModelSignature,
): Body | undefined {
  const [first] = inputs;
  if (inputs.length > 1 || (columns.length === 1 && columns[0] === first!.name)) {
    const at = columnIndexes(
      columns,
      inputs.map(({ name }) => name),
      'input',
    );
    return Object.fromEntries(inputs.map((input, i) => [input.name, rows.map((row) => cell(row[at[i]!], input))]));
  }
  if (!first!.features) return undefined;
  const at = columnIndexes(columns, first!.features, 'feature');
  return { [first!.name]: rows.map((row) => at.map((place) => row[place])) };
}

/**
 * Index of each wanted column: by its exact name, or by its name with other characters replaced by _, as exporters
 * write it.
 */
function columnIndexes(columns: readonly string[], wanted: readonly string[], what: string): number[] {
  const plain = (name: string): string => name.replace(/\W/g, '_');
  const [exact, written] = [
    new Map(columns.map((name, i) => [name, i])),
    new Map(columns.map((name, i) => [plain(name), i])),
  ];
  const found = wanted.map((name) => exact.get(name) ?? written.get(plain(name)) ?? -1);
  const missing = wanted.filter((_, i) => found[i]! < 0);
  if (missing.length > 0)
    throw new BadInput(
      `${what} ${missing.slice(0, 5).join(', ').slice(0, 200)} is missing; the model has ${wanted.join(', ').slice(0, 300)}`,
    );
  const taken = new Set(found);
  const strange = columns.filter((_, i) => !taken.has(i));
  if (strange.length > 0)
    throw new BadInput(
      `unknown ${what} ${strange.slice(0, 5).join(', ').slice(0, 200)}; the model has ${wanted.join(', ').slice(0, 300)}`,
    );
  return found;
}

function assertLength(row: unknown, length: number, where: string, what: string): unknown[] {
  const list = listOf(row, where);
  if (list.length !== length) throw new BadInput(`${where} has ${list.length} values, there are ${length} ${what}`);
  return list;
}

/** Whether an input has one value per row. */
const isColumn = ({ shape }: TensorSignature): boolean => shape.length === 1 || (shape.length === 2 && shape[1] === 1);
const cell = (value: unknown, { shape }: TensorSignature): unknown =>
  shape.length === 2 && !Array.isArray(value) ? [value] : value;
