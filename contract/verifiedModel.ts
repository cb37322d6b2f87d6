/** The result of a verification, as the operator reads it from a termination message. */
import type { ModelSignature, TensorSignature, VerifiedModel } from './contract.ts';
import { parsedJson } from './externalText.ts';

const MAX_TENSORS = 1000;

/** Undefined for a text that is not the result of a verification. Fields that are not known are left out. */
export function verifiedModel(text: string | undefined): VerifiedModel | undefined {
  const value = parsedJson(text);
  if (!isObject(value)) return undefined;
  const { digest, sizeBytes, signature, rows, rowsMessage } = value;
  if (
    typeof digest !== 'string' ||
    !/^sha256:[0-9a-f]{64}$/.test(digest) ||
    !Number.isSafeInteger(sizeBytes) ||
    (sizeBytes as number) < 0
  )
    return undefined;
  if (signature !== undefined && !isSignature(signature)) return undefined;
  const known = rows === 'Independent' || rows === 'Mixed' || rows === 'Unknown';
  return {
    digest,
    sizeBytes: sizeBytes as number,
    ...(signature !== undefined && { signature }),
    ...(known && { rows, ...(typeof rowsMessage === 'string' && { rowsMessage }) }),
  };
}

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
