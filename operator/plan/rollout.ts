/** The plan of a pipeline: the phase of its rollout, and what each revision gets in it. */
import { Stalled } from '../api/flow.ts';
import { stateOf, type ObservedPipeline, type RenderConfig, type Revision } from '../api/observed.ts';
import type { LiveRevision, Plan, RolloutPhase, ScaleToZero, TrafficSwitch } from '../api/plan.ts';
import { REASON } from '../api/reasons.ts';
import { parseFailure } from '../api/record.ts';
import { effective as resolve } from '../desired/effective.ts';
import { candidateFailure, candidateSize, currentRevision, rolloutPhase } from './phase.ts';
import { drainLeftMs, keptRevisions, nextDrainEndMs, retiringScaling } from './retire.ts';
import { candidateScaling, frozenScaling, stableScaling } from './scaling.ts';
import { planScaleToZero } from './scaleToZero.ts';
import { wantedRevision } from './wantedRevision.ts';

/** Which revision has the traffic after this reconcile, which one is on its way there, and which one fails. */
interface Roles {
  stable: Revision | undefined;
  candidate: Revision | undefined;
  failing: Plan['failing'];
  /** The stable revision keeps its scaling: the new bounds belong to a revision that does not serve. */
  scalingFrozen: boolean;
}

export function planRollout(seen: ObservedPipeline, config: RenderConfig): Plan {
  const effective = resolve(seen.pipeline.spec);
  const metrics = effective.metrics.filter(({ type }) => type !== 'Concurrency' || seen.noConcurrency === undefined);
  const { wanted, blocked } = { wanted: undefined, blocked: undefined, ...wantedRevision(seen, effective, config) };
  const current = currentRevision(seen);
  const size = candidateSize(seen, { current, wanted, effective });
  const phase = rolloutPhase(seen, { current, wanted, size });
  const stableName = phase === 'Initial' || phase === 'Switching' ? wanted!.name : current;
  const known = wanted && !seen.revisions.includes(wanted) ? [...seen.revisions, wanted] : seen.revisions;
  const roles = rolesIn(phase, { seen, wanted, stable: known.find(({ name }) => name === stableName) });
  const { stable, failing } = roles;
  const scaleToZero =
    stable &&
    planScaleToZero(seen, { name: stable.name, ...stateOf(seen, stable.name) }, effective, roles.scalingFrozen);
  const scale = { effective, size, scaleToZero, hasMetrics: metrics.length > 0 };
  const live = known.flatMap((revision) => liveRevision(seen, revision, roles, scale) ?? []);
  return {
    phase,
    effective,
    metrics,
    wanted,
    blocked: blocked ?? (phase === 'Failed' ? revisionFailed(wanted) : undefined),
    failing,
    stable: stableName,
    trafficSwitch: trafficSwitch(current, stableName, size),
    live,
    kept: keptRevisions(known, { live, wanted, limit: effective.revisionHistoryLimit }),
    failure: wanted && stateOf(seen, wanted.name).failure,
    scaleToZero,
    wakeAfterMs: earliest(nextDrainEndMs(seen, live), scaleToZero?.wakeAfterMs),
  };
}

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
}

/** Undefined for a revision that has no pods and gets none. */
function liveRevision(
  seen: ObservedPipeline,
  revision: Revision,
  { stable, candidate, failing, scalingFrozen }: Roles,
  { effective, size, scaleToZero, hasMetrics }: Scale,
): LiveRevision | undefined {
  const state = stateOf(seen, revision.name);
  const { replicas, ready } = state;
  if (revision === stable) {
    const scaling = scalingFrozen
      ? frozenScaling(state, scaleToZero!, seen)
      : stableScaling(state, effective, { size, scaleToZero: scaleToZero!, hasMetrics });
    return { revision, replicas, ready, role: 'stable', weightPercent: 100, ...scaling };
  }
  if (revision === candidate)
    return { revision, replicas, ready, role: 'candidate', weightPercent: 0, ...candidateScaling(state, size) };
  if (!state.exists || revision.abandoned !== undefined || revision === failing?.revision) return undefined;
  const scaling = retiringScaling(state, drainLeftMs(seen, revision.name));
  return scaling && { revision, replicas, ready, role: 'retiring', weightPercent: 0, ...scaling };
}

const trafficSwitch = (from: string | undefined, to: string | undefined, size: number): TrafficSwitch | undefined =>
  from === undefined || to === undefined || from === to ? undefined : { from, to, size };

/** Why a revision was marked failed. */
function revisionFailed({ abandoned }: Revision): Stalled {
  const { reason, message } = parseFailure(abandoned) ?? { reason: REASON.failed, message: abandoned ?? '' };
  return new Stalled(reason, message);
}

const earliest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
