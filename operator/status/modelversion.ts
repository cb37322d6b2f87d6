/** The status of a ModelVersion. A result stays in it after its Job is deleted. */
import type { VerifiedModel } from '@penstock/contract';
import type { ObservedModelVersion } from '../api/observed.ts';
import type { ModelVersionStatus } from '../api/types.gen.ts';
import { conditions, truth } from './conditions.ts';

export interface Verdict {
  ready: boolean;
  reason: string;
  message: string;
  result?: VerifiedModel;
}

const NAMES = 10;

/** `verifiedSource` names the source of the result. A different source is verified again. */
export function modelVersionStatus(
  { modelVersion: { metadata, status }, users, now }: ObservedModelVersion,
  verdict: Verdict,
  verifiedSource: string,
): ModelVersionStatus {
  const generation = metadata.generation ?? 0;
  const { conditions: before, observedGeneration: _, usedBy: __, ...kept } = status ?? {};
  const found = verdict.result ? { ...verdict.result, verifiedSource } : {};
  const ready = { type: 'Ready', status: truth(verdict.ready), reason: verdict.reason, message: verdict.message };
  const usedBy = { count: users.length, ...(users.length > 0 && { names: users.slice(0, NAMES) }) };
  return {
    observedGeneration: generation,
    ...kept,
    ...found,
    usedBy,
    conditions: conditions([ready], before, generation, now),
  };
}
