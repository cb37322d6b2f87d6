/**
 * A rollout in steps: where a quota or rollout.maxSurge allows fewer pods beside those that serve, both revisions
 * exchange pods until they have the same number, and then the traffic moves. The endpoint keeps at least about half of
 * its pods. Size and time of the last step are stored with the candidate's Deployment.
 */
import { stateOf, type ObservedPipeline, type Revision, type RevisionState } from '../api/observed.ts';
import type { LiveRevision } from '../api/plan.ts';
import { REASON } from '../api/reasons.ts';
import { durationMs, msSince, timestamp } from '../api/units.ts';

/**
 * Pods that a quota refused are created within this time after there is room: the ReplicaSet controller tries again
 * with back-off. Later, the room is taken by other pods.
 */
const RETRY_MS = 60_000;

export interface RolloutStep {
  /** Pods that the candidate should have now. */
  candidate: number;
  /** Pods that the stable revision should have now. */
  stable: number;
  /** Both have the same number of pods: the traffic moves to the candidate. */
  moves: boolean;
  /** Stored with the candidate's Deployment. */
  stored: NonNullable<RevisionState['stepwise']>;
  /** When to look again, because no event says so. */
  wakeAfterMs?: number;
}

/** Undefined for a candidate that may have all its `size` pods at once. */
export function rolloutStep(
  seen: ObservedPipeline,
  { current, wanted, size }: { current: string | undefined; wanted: Revision | undefined; size: number },
): RolloutStep | undefined {
  if (current === undefined || !wanted || current === wanted.name || !hasSameTarget(seen, current)) return undefined;
  const maxSurge = seen.pipeline.spec.rollout?.maxSurge ?? Infinity;
  const candidate = stateOf(seen, wanted.name);
  if (!(maxSurge < size || candidate.stepwise || isLimited(candidate))) return undefined;
  return nextStep(candidate, stateOf(seen, current), { size, maxSurge, now: seen.now });
}

function nextStep(
  candidate: RevisionState,
  stable: RevisionState,
  { size, maxSurge, now }: { size: number; maxSurge: number; now: number },
): RolloutStep {
  const pods = candidate.replicas > 0 ? allowedPods(candidate, stable, now) : Math.min(maxSurge, size);
  const isNew = candidate.stepwise === undefined || pods !== candidate.replicas;
  const since = isNew ? timestamp(now) : candidate.stepwise!.since;
  const waits = { candidate: pods, stable: stable.replicas, moves: false, stored: { size, since } };
  if (candidate.ready < pods) return { ...waits, wakeAfterMs: RETRY_MS };
  const exchanged = Math.min(pods, Math.floor((stable.replicas - pods) / 2));
  if (exchanged <= 0 || pods >= size) return { ...waits, moves: true };
  return {
    candidate: pods + exchanged,
    stable: stable.replicas - exchanged,
    moves: false,
    stored: { size, since: timestamp(now) },
    wakeAfterMs: RETRY_MS,
  };
}

/** Another target has other bounds: if its revision failed, the stable one could not get its pods back. */
const hasSameTarget = ({ revisions, pipeline }: ObservedPipeline, current: string): boolean =>
  revisions.find(({ name }) => name === current)?.record.target === pipeline.spec.target;

/** A quota refuses pods, and those that exist are Ready. */
const isLimited = ({ failure, ready, pods }: RevisionState): boolean =>
  failure?.reason === REASON.quota && ready > 0 && ready === pods;

/**
 * What the quota allows. After a step, it still refuses pods until those that the stable revision gives up are gone,
 * and for a while after that.
 */
function allowedPods(candidate: RevisionState, stable: RevisionState, now: number): number {
  const { stepwise, pods, replicas } = candidate;
  const mayStillCome = stepwise && (stable.pods > stable.replicas || msSince(stepwise.since, now) < RETRY_MS);
  return isLimited(candidate) && !mayStillCome ? pods : replicas;
}

/**
 * The states with the deadline of steps in them: Kubernetes does not watch the progress of a Deployment that was
 * complete once, and then got more replicas.
 */
export function withStepDeadlines<Seen extends Pick<ObservedPipeline, 'states' | 'now'>>(
  seen: Seen,
  progressDeadline: string,
): Seen {
  const isOverdue = ({ stepwise, ready, replicas }: RevisionState): boolean =>
    stepwise !== undefined && ready < replicas && msSince(stepwise.since, seen.now) > durationMs(progressDeadline);
  const states = Object.entries(seen.states).map(([name, state]): [string, RevisionState] => [
    name,
    isOverdue(state) ? { ...state, deadlineExceeded: true } : state,
  ]);
  return { ...seen, states: Object.fromEntries(states) };
}

/** The largest size of a rollout in steps that has not ended: pods are given up for it. */
export const sizeBeforeSteps = ({ states }: Pick<ObservedPipeline, 'states'>): number =>
  Math.max(0, ...Object.values(states).map(({ stepwise }) => stepwise?.size ?? 0));

/** After a rollout in steps, the stable revision gets its other pods when the older one has given up its own. */
export function waitsForRoom(
  { states }: Pick<ObservedPipeline, 'states'>,
  stable: string,
): Pick<LiveRevision, 'autoscaled' | 'scalingFrozen' | 'stepwise'> | undefined {
  const stepwise = states[stable]?.stepwise;
  const isBusy = Object.entries(states).some(([name, { replicas }]) => name !== stable && replicas > 0);
  return stepwise && isBusy ? { autoscaled: false, scalingFrozen: false, stepwise } : undefined;
}

/** Gives the stable revision back the pods that were given up in steps, of which an autoscaler knows nothing. */
export function afterSteps<S extends Pick<LiveRevision, 'scaleTo'>>(
  seen: Pick<ObservedPipeline, 'states'>,
  scaling: S,
  { size, replicas }: { size: number; replicas: number },
): S {
  const isReduced = sizeBeforeSteps(seen) > 0 && replicas < size;
  return isReduced && scaling.scaleTo === undefined ? { ...scaling, scaleTo: size } : scaling;
}
