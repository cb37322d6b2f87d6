/** The record of a revision, as its Deployment carries it. */
import { ANNOTATION } from './labels.ts';
import type { ObjectMeta } from './objects.ts';
import type { RevisionRecord } from './observed.ts';

/** Undefined where there is none, or somebody has edited it: the next reconcile mends it. */
export function recordOf({ annotations }: ObjectMeta): RevisionRecord | undefined {
  const text = annotations?.[ANNOTATION.record];
  try {
    const record = text === undefined ? undefined : (JSON.parse(text) as Partial<RevisionRecord> | null);
    return Array.isArray(record?.models) ? (record as RevisionRecord) : undefined;
  } catch {
    return undefined;
  }
}
