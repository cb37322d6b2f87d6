/** The phase of a rollout, and the revision that has the traffic in it. */
import { selectedRevision } from '../api/endpointSlices.ts';
import { stateOf, type ObservedPipeline, type PodFailure, type Revision, type RevisionState } from '../api/observed.ts';
import type { RolloutPhase } from '../api/plan.ts';
import { isFinal, REASON } from '../api/reasons.ts';
import type { Effective } from '../api/types.gen.ts';
import { minPods } from '../desired/autoscaler.ts';
import { sizeBeforeSteps } from './steps.ts';

/** A container that has failed so often with a final reason is not tried again. */
const MAX_FAILURES = 3;

/**
 * Name of the revision that has the traffic now: what the stable Service selects, or, where it was deleted or edited,
 * what the status says.
 */
export function currentRevision({ service, revisions, pipeline }: ObservedPipeline): string | undefined {
  const exists = (name: string | undefined): boolean => revisions.some((revision) => revision.name === name);
  const selected = selectedRevision(service);
  const recorded = pipeline.status?.activeRevision;
  return exists(selected) || !exists(recorded) ? selected : recorded;
}

/** Pods that a candidate must bring: as many as serve now, within the new bounds. */
export function candidateSize(
  seen: ObservedPipeline,
  { current, wanted, effective }: { current: string | undefined; wanted: Revision | undefined; effective: Effective },
): number {
  const serving = current === undefined || current === wanted?.name ? 0 : stateOf(seen, current).replicas;
  return Math.min(Math.max(minPods(effective), serving, sizeBeforeSteps(seen)), effective.maxReplicas);
}

/** `size` is the number of Ready pods that the wanted revision must bring. */
export function rolloutPhase(
  seen: ObservedPipeline,
  { current, wanted, size }: { current: string | undefined; wanted: Revision | undefined; size: number },
): RolloutPhase {
  if (!wanted) return 'Blocked';
  if (wanted.name === current) return 'UpToDate';
  if (wanted.abandoned !== undefined) return 'Failed';
  if (current === undefined) return 'Initial';
  const candidate = stateOf(seen, wanted.name);
  if (candidate.ready >= size) return 'Switching';
  if (hasNeverServed(seen, current)) return 'Initial';
  return candidateFailure(candidate) ? 'Failing' : 'Progressing';
}

function hasNeverServed(seen: ObservedPipeline, revision: string): boolean {
  const history = seen.pipeline.status?.history ?? [];
  return !history.some((entry) => entry.revision === revision) && stateOf(seen, revision).ready === 0;
}

/** Why a candidate is marked failed; undefined while it may still become Ready. */
export function candidateFailure({ failure, deadlineExceeded }: RevisionState): PodFailure | undefined {
  if (failure && failure.times >= MAX_FAILURES && isFinal(failure.reason)) return failure;
  if (!deadlineExceeded) return undefined;
  return (
    failure ?? {
      reason: REASON.progressDeadline,
      message: 'the new revision made no progress within rollout.progressDeadline',
      times: 0,
    }
  );
}
