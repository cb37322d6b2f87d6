/** The plan of a pipeline: the phase of its rollout, and what each revision gets in it. */
import { Stalled } from '../api/flow.ts';
import { stateOf, type ObservedPipeline, type Revision } from '../api/observed.ts';
import type { LiveRevision, Plan, RolloutPhase, ScaleToZero, TrafficSwitch } from '../api/plan.ts';
import { REASON } from '../api/reasons.ts';
import { parseFailure } from '../api/record.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import { effective as resolve } from '../desired/effective.ts';
import { candidateFailure, candidateSize, currentRevision, rolloutPhase } from './phase.ts';
import { drainLeftMs, keptRevisions, nextDrainEndMs, retiringScaling } from './retire.ts';
import { candidateScaling, frozenScaling, stableScaling } from './scaling.ts';
import { afterSteps, rolloutStep, waitsForRoom, withStepDeadlines, type RolloutStep } from './steps.ts';
import { planScaleToZero } from './scaleToZero.ts';
import { isBehind, wantedRevision } from './wantedRevision.ts';

/** Which revision has the traffic after this reconcile, which one is on its way there, and which one fails. */
interface Roles {
  stable: Revision | undefined;
  candidate: Revision | undefined;
  failing: Plan['failing'];
  /** The stable revision keeps its scaling: the new bounds belong to a revision that does not serve. */
  scalingFrozen: boolean;
}

export function planRollout(observed: ObservedPipeline, config: RenderConfig): Plan {
  const effective = resolve(observed.pipeline.spec);
  const seen = withStepDeadlines(observed, effective.progressDeadline);
  const metrics = effective.metrics.filter(({ type }) => type !== 'Concurrency' || seen.noConcurrency === undefined);
  const { wanted, blocked } = { wanted: undefined, blocked: undefined, ...wantedRevision(seen, effective, config) };
  const current = currentRevision(seen);
  const size = candidateSize(seen, { current, wanted, effective });
  const step = rolloutStep(seen, { current, wanted, size });
  const needed = neededPods(step, size);
  const phase = rolloutPhase(seen, { current, wanted, size: needed });
  const stableName = phase === 'Initial' || phase === 'Switching' ? wanted!.name : current;
  const known = wanted && !seen.revisions.includes(wanted) ? [...seen.revisions, wanted] : seen.revisions;
  const roles = rolesIn(phase, { seen, wanted, stable: known.find(({ name }) => name === stableName) });
  const { stable, failing } = roles;
  const scaleToZero =
    stable &&
    planScaleToZero(seen, { name: stable.name, ...stateOf(seen, stable.name) }, effective, roles.scalingFrozen);
  const scale = { effective, size, scaleToZero, hasMetrics: metrics.length > 0, step };
  const live = known.flatMap((revision) => liveRevision(seen, revision, roles, scale) ?? []);
  return {
    phase,
    effective,
    metrics,
    wanted,
    blocked: blocked ?? (phase === 'Failed' ? revisionFailed(wanted) : undefined),
    failing,
    stable: stableName,
    trafficSwitch: trafficSwitch(current, stableName, needed),
    live,
    kept: keptRevisions(known, { live, wanted, limit: effective.revisionHistoryLimit }),
    failure: wanted && stateOf(seen, wanted.name).failure,
    scaleToZero,
    refresh: refreshOf(seen, { phase, wanted, config }),
    wakeAfterMs: earliest(nextDrainEndMs(seen, live), wakeAfterMs(scaleToZero, step)),
  };
}

/** Ready pods of the candidate with which the traffic moves. */
const neededPods = (step: RolloutStep | undefined, size: number): number => (step?.moves ? step.candidate : size);

function rolesIn(
  phase: RolloutPhase,
  { seen, wanted, stable }: { seen: ObservedPipeline; wanted: Revision | undefined; stable: Revision | undefined },
): Roles {
  const otherTarget = stable?.record.target !== seen.pipeline.spec.target;
  switch (phase) {
    case 'Progressing':
      return { stable, candidate: wanted, failing: undefined, scalingFrozen: true };
    case 'Failing': {
      const failure = candidateFailure(stateOf(seen, wanted!.name))!;
      return { stable, candidate: undefined, failing: { revision: wanted!, failure }, scalingFrozen: otherTarget };
    }
    case 'Failed':
      return { stable, candidate: undefined, failing: undefined, scalingFrozen: otherTarget };
    default:
      return { stable, candidate: undefined, failing: undefined, scalingFrozen: false };
  }
}

interface Scale {
  effective: Plan['effective'];
  size: number;
  scaleToZero: ScaleToZero | undefined;
  hasMetrics: boolean;
  step: RolloutStep | undefined;
}

/** Undefined for a revision that has no pods and gets none. */
function liveRevision(
  seen: ObservedPipeline,
  revision: Revision,
  { stable, candidate, failing, scalingFrozen }: Roles,
  scale: Scale,
): LiveRevision | undefined {
  const state = stateOf(seen, revision.name);
  const { replicas, ready } = state;
  if (revision === stable) {
    const scaling = scalingFrozen
      ? frozenScaling(state, scale.scaleToZero!, seen, scale.step)
      : freeScaling(seen, revision.name, scale);
    return { revision, replicas, ready, role: 'stable', weightPercent: 100, ...scaling };
  }
  if (revision === candidate) {
    const scaling = candidateScaling(state, scale.size, scale.step);
    return { revision, replicas, ready, role: 'candidate', weightPercent: 0, ...scaling };
  }
  if (!state.exists || revision.abandoned !== undefined || revision === failing?.revision) return undefined;
  const scaling = retiringScaling(state, drainLeftMs(seen, revision.name));
  return scaling && { revision, replicas, ready, role: 'retiring', weightPercent: 0, ...scaling };
}

/** The scaling of a stable revision that no candidate is about to replace. */
function freeScaling(
  seen: ObservedPipeline,
  stable: string,
  { effective, size, scaleToZero, hasMetrics }: Scale,
): Pick<LiveRevision, 'autoscaled' | 'scalingFrozen' | 'scaleTo' | 'stepwise'> {
  const state = stateOf(seen, stable);
  const scaling = stableScaling(state, effective, { size, scaleToZero: scaleToZero!, hasMetrics });
  if (scaleToZero!.state === 'AtZero') return scaling;
  return waitsForRoom(seen, stable) ?? afterSteps(seen, scaling, { size, replicas: state.replicas });
}

/** Whether the pipeline gets a new scorer image, or waits for its turn to get one. */
function refreshOf(
  { pipeline, mayRefresh }: ObservedPipeline,
  { phase, wanted, config }: { phase: RolloutPhase; wanted: Revision | undefined; config: RenderConfig },
): Plan['refresh'] {
  if (!wanted) return 'none';
  if (wanted.record.refreshOf !== undefined && (phase === 'Progressing' || phase === 'Switching')) return 'running';
  return !mayRefresh && isBehind(pipeline, wanted, config) ? 'waiting' : 'none';
}

const wakeAfterMs = (scaleToZero: ScaleToZero | undefined, step: RolloutStep | undefined): number | undefined =>
  earliest(scaleToZero?.wakeAfterMs, step?.wakeAfterMs);

const trafficSwitch = (from: string | undefined, to: string | undefined, size: number): TrafficSwitch | undefined =>
  from === undefined || to === undefined || from === to ? undefined : { from, to, size };

/** Why a revision was marked failed. */
function revisionFailed({ abandoned }: Revision): Stalled {
  const { reason, message } = parseFailure(abandoned) ?? { reason: REASON.failed, message: abandoned ?? '' };
  return new Stalled(reason, message);
}

const earliest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
