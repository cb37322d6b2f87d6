/** The status of a ModelVersion; what was verified once stays in it. */
import type { VerifiedModel } from '@penstock/contract';
import type { ModelVersion, ModelVersionStatus } from '../api/types.gen.ts';
import { conditions, truth } from './conditions.ts';

export interface Verdict {
  ready: boolean;
  reason: string;
  message: string;
  result?: VerifiedModel;
}

/** `verifiedSource` names what the result holds for; a moved source is verified again. */
export function modelVersionStatus({ metadata, status }: ModelVersion, verdict: Verdict, verifiedSource: string, now: number): ModelVersionStatus {
  const generation = metadata.generation ?? 0;
  const { conditions: before, observedGeneration: _, ...kept } = status ?? {};
  const found = verdict.result ? { ...verdict.result, verifiedSource } : {};
  const ready = { type: 'Ready', status: truth(verdict.ready), reason: verdict.reason, message: verdict.message };
  return { observedGeneration: generation, ...kept, ...found, conditions: conditions([ready], before, generation, now) };
}
