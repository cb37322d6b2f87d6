/** The status of what is in a namespace that could not be looked at as a whole: what is known of it stands. Pure. */
import { CONDITION, REASON } from '../api/reasons.ts';
import type { InferencePipeline, InferencePipelineStatus, ModelVersion, ModelVersionStatus } from '../api/types.gen.ts';
import { conditions, type Finding } from './conditions.ts';

const STATUS: [string, Finding['status']][] = [
  [CONDITION.upToDate, 'False'],
  [CONDITION.progressing, 'False'],
  [CONDITION.reconciling, 'False'],
  [CONDITION.stalled, 'True'],
];

/** The status as it is, Stalled for the reason `message`. */
export function namespaceTooLargeStatus(
  { metadata, status }: InferencePipeline,
  message: string,
  now: number,
): InferencePipelineStatus {
  const { observedGeneration: _, conditions: before = [], ...kept } = status ?? {};
  const generation = metadata.generation ?? 0;
  const stalled = conditions(
    STATUS.map(([type, value]) => ({ type, status: value, reason: REASON.namespaceTooLarge, message })),
    before,
    generation,
    now,
  );
  const others = before.filter(({ type }) => !STATUS.some(([one]) => one === type));
  return { observedGeneration: generation, ...kept, conditions: [...others, ...stalled] };
}

/** The status of a model version that cannot be verified for the reason `message`. */
export function namespaceTooLargeModelVersionStatus(
  { metadata, status }: ModelVersion,
  message: string,
  now: number,
): ModelVersionStatus {
  const { observedGeneration: _, conditions: before, ...kept } = status ?? {};
  const generation = metadata.generation ?? 0;
  const ready: Finding = { type: CONDITION.ready, status: 'False', reason: REASON.namespaceTooLarge, message };
  return { observedGeneration: generation, ...kept, conditions: conditions([ready], before, generation, now) };
}
