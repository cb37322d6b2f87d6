/** Reads and writes what is stored of a revision as text: its record and its failure. */
import { isReadableVersion, parsedJson } from '@penstock/contract';
import { ANNOTATION } from './labels.ts';
import type { ObjectMeta } from '@penstock/kube/api/objects';
import type { RevisionRecord } from './observed.ts';

const TEXTS_OF_A_RECORD = ['pipeline', 'createdAt', 'target', 'image'];
const TEXTS_OF_A_MODEL = ['name', 'modelVersion', 'version', 'format', 'digest'];

/**
 * The record in a Deployment's annotation. Undefined if it is missing or not valid; the next reconcile writes it again.
 */
export const recordOf = ({ annotations }: ObjectMeta): RevisionRecord | undefined =>
  recordFrom(annotations?.[ANNOTATION.record]);

/** Undefined for a text that is not the JSON of a record, and for a record of a newer schema. */
export function recordFrom(text: string | undefined): RevisionRecord | undefined {
  const record = parsedJson(text);
  const isRecord =
    hasTexts(record, TEXTS_OF_A_RECORD) &&
    isReadableVersion(record.schemaVersion) &&
    Array.isArray(record.models) &&
    record.models.every((model) => hasTexts(model, TEXTS_OF_A_MODEL)) &&
    hasEnvironment(record);
  return isRecord ? (record as unknown as RevisionRecord) : undefined;
}

const hasEnvironment = ({ python, server, npm }: Record<string, unknown>): boolean =>
  (python === undefined || hasTexts(python, ['image'], ['version', 'requirementsDigest'])) &&
  (server === undefined || hasTexts(server, ['image'])) &&
  (npm === undefined || hasTexts(npm, ['lockDigest']));

/** A failure as the annotation of a failed revision holds it. */
export const formatFailure = ({ reason, message }: { reason: string; message: string }): string =>
  `${reason}: ${message}`;

/** Reads {@link formatFailure} back. Undefined for any other text. */
export function parseFailure(text = ''): { reason: string; message: string } | undefined {
  const [, reason, message] = /^(\w+): ([\s\S]*)$/.exec(text) ?? [];
  return reason === undefined || message === undefined ? undefined : { reason, message };
}

function hasTexts(value: unknown, fields: string[], optional: string[] = []): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const given = value as Record<string, unknown>;
  return (
    fields.every((field) => typeof given[field] === 'string') &&
    optional.every((field) => given[field] === undefined || typeof given[field] === 'string')
  );
}
