/**
 * The result of a verification: the scorer writes it to its termination message, and the operator reads it from there.
 */
import { isJsonObject, parsedJson } from './externalText.ts';

/** What the command `verify` writes to its termination message when the verification succeeds. */
export interface VerifiedModel {
  digest: string;
  sizeBytes: number;
  signature?: ModelSignature;
  /** For an ONNX model: whether requests may be joined into one call, and the reason in one sentence. */
  rows?: RowIndependence;
  rowsMessage?: string;
}

/**
 * Independent: each output row depends only on its own input row. Mixed: an output row depends on other rows too.
 * Unknown: neither is proven.
 */
export type RowIndependence = 'Independent' | 'Mixed' | 'Unknown';

/** The metadata of a tensor as the Open Inference Protocol defines it. -1 is a dynamic dimension. */
export interface TensorSignature {
  name: string;
  datatype: string;
  shape: number[];
  /** Inputs only: the names of the features, in the order of the columns. */
  features?: string[];
  /** Outputs only: the classes, in the order of the columns. */
  classes?: (string | number)[];
}
export interface ModelSignature {
  inputs: TensorSignature[];
  outputs: TensorSignature[];
}

const MAX_TENSORS = 1000;

/** Undefined for a text that is not the result of a verification. Unknown fields are dropped. */
export function verifiedModel(text: string | undefined): VerifiedModel | undefined {
  const value = parsedJson(text);
  if (!isJsonObject(value)) return undefined;
  const { digest, sizeBytes, signature, rows, rowsMessage } = value;
  if (!isDigest(digest) || !isSize(sizeBytes)) return undefined;
  if (signature !== undefined && !isSignature(signature)) return undefined;
  return {
    digest,
    sizeBytes,
    ...(signature !== undefined && { signature }),
    ...(isRowIndependence(rows) && { rows, ...(typeof rowsMessage === 'string' && { rowsMessage }) }),
  };
}

/**
 * The result as JSON of at most `maxBytes`. Where it does not fit, the names of features and classes are left out, and
 * then the signature.
 */
export function terminationText(result: VerifiedModel, maxBytes: number): string {
  const { signature, ...short } = result;
  const plain = ({ inputs, outputs }: ModelSignature): ModelSignature => ({
    inputs: inputs.map(unnamed),
    outputs: outputs.map(unnamed),
  });
  const texts = [result, { ...short, ...(signature && { signature: plain(signature) }) }, short].map((one) =>
    JSON.stringify(one),
  );
  return texts.find((text) => Buffer.byteLength(text) <= maxBytes)!;
}

const unnamed = ({ name, datatype, shape }: TensorSignature): TensorSignature => ({ name, datatype, shape });

const isDigest = (value: unknown): value is string => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRowIndependence = (value: unknown): value is RowIndependence =>
  value === 'Independent' || value === 'Mixed' || value === 'Unknown';

const isList = (value: unknown, each: (item: unknown) => boolean): boolean => Array.isArray(value) && value.every(each);

const isSignature = (value: unknown): value is ModelSignature =>
  isJsonObject(value) &&
  [value.inputs, value.outputs].every(
    (tensors) => isList(tensors, isTensor) && (tensors as unknown[]).length <= MAX_TENSORS,
  );

const isTensor = (value: unknown): value is TensorSignature =>
  isJsonObject(value) &&
  typeof value.name === 'string' &&
  typeof value.datatype === 'string' &&
  isList(value.shape, Number.isSafeInteger) &&
  (value.features === undefined || isList(value.features, (name) => typeof name === 'string')) &&
  (value.classes === undefined ||
    isList(value.classes, (name) => typeof name === 'string' || Number.isSafeInteger(name)));
