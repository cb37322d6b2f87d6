/** How many replicas a revision gets, and whether an autoscaler or the operator sets the count. */
import type { ObservedPipeline, RevisionState } from '../api/observed.ts';
import type { LiveRevision, ScaleToZero } from '../api/plan.ts';
import type { Effective } from '../api/types.gen.ts';
import type { RolloutStep } from './steps.ts';
import { isAutoscaled, minPods } from '../desired/autoscaler.ts';

type Scaling = Pick<LiveRevision, 'autoscaled' | 'scalingFrozen' | 'scaleTo'>;

/**
 * The stable revision. We set replicas (a) before the first Ready pod, (b) when min = max, (c) below minReplicas,
 * because an autoscaler ignores 0 and reaches its minimum slowly, (d) where there is no metric. Otherwise the
 * autoscaler owns the count. At zero there is no autoscaler until the next pod is Ready (ADR 12).
 */
export function stableScaling(
  state: RevisionState,
  effective: Effective,
  { size, scaleToZero, hasMetrics }: { size: number; scaleToZero: ScaleToZero; hasMetrics: boolean },
): Scaling {
  if (scaleToZero.state === 'AtZero')
    return { autoscaled: false, scalingFrozen: false, scaleTo: state.replicas > 0 ? 0 : undefined };
  const autoscaled = isAutoscaled(effective) && hasMetrics && (state.hasAutoscaler || state.ready > 0);
  const isRight = autoscaled
    ? state.replicas >= minPods(effective)
    : state.replicas === wantedReplicas(state, effective, size);
  return {
    autoscaled,
    scalingFrozen: false,
    scaleTo: state.exists && isRight ? undefined : wantedReplicas(state, effective, size),
  };
}

function wantedReplicas({ replicas }: RevisionState, effective: Effective, size: number): number {
  return isAutoscaled(effective) ? Math.min(Math.max(replicas, size), effective.maxReplicas) : size;
}

/**
 * The stable revision during a rollout, and after one to another target has failed: it keeps its size and its
 * autoscaler, until it makes room for pods of the candidate step by step. At zero it is scaled up when no activator
 * takes its requests any more.
 */
export function frozenScaling(
  state: RevisionState,
  scaleToZero: ScaleToZero,
  { activator }: ObservedPipeline,
  step?: RolloutStep,
): Scaling {
  if (step && step.stable < state.replicas) return { autoscaled: false, scalingFrozen: true, scaleTo: step.stable };
  const mustWake = activator && state.exists && state.replicas === 0 && scaleToZero.state !== 'AtZero';
  return { autoscaled: state.hasAutoscaler, scalingFrozen: true, scaleTo: mustWake ? 1 : undefined };
}

/**
 * The candidate. A revision that was scaled down and is wanted again keeps 0 replicas until its terminating pods are
 * gone, because their readiness must not count.
 */
export function candidateScaling(
  { exists, replicas, pods }: RevisionState,
  size: number,
  step?: RolloutStep,
): Scaling & Pick<LiveRevision, 'stepwise'> {
  const wanted = step?.candidate ?? size;
  const waitsForOldPods = exists && replicas === 0 && pods > 0;
  const isRight = exists && replicas === wanted;
  return {
    autoscaled: false,
    scalingFrozen: false,
    scaleTo: isRight || waitsForOldPods ? undefined : wanted,
    ...(step && { stepwise: step.stored }),
  };
}
