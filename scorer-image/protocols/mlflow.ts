/**
 * MLflow's request formats, which SageMaker's containers also take: a body of /invocations, converted to {"<input>":
 * rows, …}. Keys as in mlflow/pyfunc/scoring_server; `instances` and `inputs` are the row and column formats of
 * TensorFlow Serving. Pure.
 */
import { isJsonObject, type ModelSignature } from '@penstock/contract';
import { BadInput } from '../tensor/errors.ts';
import { listOf, fromRecords, fromRows, fromSplit, type Body } from './dataFrames.ts';

type Formats = Record<string, (given: unknown, signature: ModelSignature) => Body>;

const FORMATS: Formats = {
  /** Rows of the one input, or {"<input>": rows}. */
  inputs: (given, signature) => (isJsonObject(given) ? given : fromRows(given, 'inputs', signature)),
  /** A list of rows of the one input, or of {"<input>": row}. */
  instances: (given, signature) => fromRows(listOf(given, 'instances'), 'instances', signature),
  /** pandas orient "split": {"columns": […], "data": rows}. */
  dataframe_split: (given, signature) => {
    if (!isJsonObject(given)) throw new BadInput('dataframe_split must be {"columns": […], "data": rows}');
    return fromSplit(given, 'dataframe_split', signature);
  },
  /** pandas orient "records": [{"<column>": value}, …]. */
  dataframe_records: (given, signature) => fromRecords(given, 'dataframe_records', signature),
};

/** Throws BadInput for a body that is not exactly one of the formats. */
export function invocation(body: unknown, signature: ModelSignature): Body {
  const formats = Object.keys(FORMATS);
  const given = isJsonObject(body)
    ? Object.keys(body).filter(
        (key) => key !== 'params' || !isJsonObject(body.params) || Object.keys(body.params).length > 0,
      )
    : [];
  if (given.length !== 1 || !formats.includes(given[0]!))
    throw new BadInput(
      `the body must be a JSON object with exactly one of ${formats.join(', ')}${given.includes('params') ? '; an ONNX model has no params' : ''}`,
    );
  return FORMATS[given[0]!]!((body as Body)[given[0]!], signature);
}
