/** The result of a verification, as the operator reads it from a termination message. */
import type { ModelSignature, RowIndependence, TensorSignature, VerifiedModel } from './contract.ts';
import { parsedJson } from './externalText.ts';

const MAX_TENSORS = 1000;

/** Undefined for a text that is not the result of a verification. Unknown fields are dropped. */
export function verifiedModel(text: string | undefined): VerifiedModel | undefined {
  const value = parsedJson(text);
  if (!isObject(value)) return undefined;
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

const isDigest = (value: unknown): value is string => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRowIndependence = (value: unknown): value is RowIndependence =>
  value === 'Independent' || value === 'Mixed' || value === 'Unknown';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown, each: (item: unknown) => boolean): boolean => Array.isArray(value) && value.every(each);

const isSignature = (value: unknown): value is ModelSignature =>
  isObject(value) &&
  [value.inputs, value.outputs].every(
    (tensors) => isList(tensors, isTensor) && (tensors as unknown[]).length <= MAX_TENSORS,
  );

const isTensor = (value: unknown): value is TensorSignature =>
  isObject(value) &&
  typeof value.name === 'string' &&
  typeof value.datatype === 'string' &&
  isList(value.shape, Number.isSafeInteger) &&
  (value.features === undefined || isList(value.features, (name) => typeof name === 'string')) &&
  (value.classes === undefined ||
    isList(value.classes, (name) => typeof name === 'string' || Number.isSafeInteger(name)));
