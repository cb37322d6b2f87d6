/** The status of an object of which something could not be read: what is known of it stays. Pure. */
import { Stalled, Waiting, type Attempt } from '../api/flow.ts';
import { CONDITION, isQuotaExceeded, REASON } from '../api/reasons.ts';
import type { InferencePipeline, InferencePipelineStatus, ModelVersion, ModelVersionStatus } from '../api/types.gen.ts';
import { conditions, truth, type Finding } from './conditions.ts';

/** The namespace is too large for the operator's memory: Stalled until the user acts. */
export const stalledStatus = (pipeline: InferencePipeline, message: string, now: number): InferencePipelineStatus =>
  withConditions(pipeline, { stalled: true, reason: REASON.namespaceTooLarge, message }, now);

/** A read was refused: UpToDate is False with the reason, and the read is tried again. */
export function unobservedStatus(
  pipeline: InferencePipeline,
  { error }: Attempt,
  now: number,
): InferencePipelineStatus {
  const stalled = error instanceof Stalled;
  return withConditions(pipeline, { stalled, reason: reasonOf(error), message: error?.message ?? '' }, now);
}

/** Stalled and Waiting say it themselves. */
export function reasonOf(error: Error | undefined): string {
  if (error instanceof Stalled || error instanceof Waiting) return error.reason;
  return isQuotaExceeded(error?.message ?? '') ? REASON.quota : REASON.retrying;
}

function withConditions(
  { metadata, status }: InferencePipeline,
  { stalled, reason, message }: { stalled: boolean; reason: string; message: string },
  now: number,
): InferencePipelineStatus {
  const { observedGeneration: _, conditions: before = [], ...kept } = status ?? {};
  const observedGeneration = metadata.generation ?? 0;
  const findings: Finding[] = [
    { type: CONDITION.upToDate, status: 'False', reason, message },
    { type: CONDITION.progressing, status: truth(!stalled), reason, message },
    { type: CONDITION.reconciling, status: truth(!stalled), reason, message },
    { type: CONDITION.stalled, status: truth(stalled), reason, message },
  ];
  const others = before.filter(({ type }) => !findings.some((finding) => finding.type === type));
  return {
    observedGeneration,
    ...kept,
    conditions: [...others, ...conditions(findings, before, observedGeneration, now)],
  };
}

/** The status of a ModelVersion that cannot be verified for the reason `message`. */
export function stalledModelVersionStatus(
  { metadata, status }: ModelVersion,
  message: string,
  now: number,
): ModelVersionStatus {
  const { observedGeneration: _, conditions: before, ...kept } = status ?? {};
  const generation = metadata.generation ?? 0;
  const ready: Finding = { type: CONDITION.ready, status: 'False', reason: REASON.namespaceTooLarge, message };
  return { observedGeneration: generation, ...kept, conditions: conditions([ready], before, generation, now) };
}
