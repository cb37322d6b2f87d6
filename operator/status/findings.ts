/** The conditions of a pipeline. Pure. */
import { Stalled, Waiting, type Attempt } from '../api/flow.ts';
import type { ObservedPipeline } from '../api/observed.ts';
import type { LiveRevision, Plan } from '../api/plan.ts';
import { CONDITION, REASON } from '../api/reasons.ts';
import { parseFailure } from '../api/record.ts';
import { truth, type Finding } from './conditions.ts';
import { scalingActive } from './scaling.ts';
import { reasonOf } from './unobserved.ts';

type Explanation = Pick<Finding, 'reason' | 'message'>;

const INIT_REASON = /^UserScript/;
const MODEL_REASONS: readonly string[] = [REASON.modelNotReady, REASON.digest, REASON.verifying, REASON.queued];

export function findings(seen: ObservedPipeline, plan: Plan, attempt: Attempt): Finding[] {
  const stable = plan.live.find(({ role }) => role === 'stable');
  const available = hasReadyPod(stable) || isAvailableAtZero(plan);
  const upToDate = available && !attempt.error && wantedIsStable(plan);
  const why = upToDate
    ? { reason: REASON.serving, message: '' }
    : keptWhileRestarting(explanation(plan, attempt), seen);
  const stalled = !upToDate && isStalled(plan, attempt);
  const progressing = truth(!upToDate && !stalled);
  const serving = available ? { reason: REASON.serving, message: servingMessage(stable) } : why;
  return [
    { type: CONDITION.ready, status: truth(available), ...serving },
    { type: CONDITION.upToDate, status: truth(upToDate), ...why },
    { type: CONDITION.available, status: truth(available), ...serving },
    { type: CONDITION.progressing, status: progressing, ...why },
    modelsReady(plan),
    initSucceeded(plan),
    scalingActive(seen, plan),
    { type: CONDITION.reconciling, status: progressing, ...why },
    { type: CONDITION.stalled, status: truth(stalled), ...why },
    ...warnings(seen),
  ];
}

const hasReadyPod = (live: LiveRevision | undefined): boolean => (live?.ready ?? 0) > 0;

const isAvailableAtZero = ({ scaleToZero }: Plan): boolean => scaleToZero?.availableThroughActivator ?? false;

const wantedIsStable = ({ wanted, stable }: Plan): boolean => wanted !== undefined && wanted.name === stable;

const isStalled = ({ blocked, failing }: Plan, { error }: Attempt): boolean =>
  error instanceof Stalled || blocked instanceof Stalled || failing !== undefined;

const servingMessage = (stable: LiveRevision | undefined): string =>
  `revision ${stable?.revision.name ?? ''} serves${stable?.ready ? '' : ': no pod now, a request brings one'}`;

/** Conditions that exist only while they are True: problems of an endpoint that serves. */
function warnings({ warning, keyProblem, unreadable }: ObservedPipeline): Finding[] {
  const found: [string, string, string | undefined][] = [
    [CONDITION.batchingDisabled, REASON.answersDiffered, warning],
    [CONDITION.keysRefused, REASON.weakKey, keyProblem],
    [
      CONDITION.revisionsUnreadable,
      REASON.notWrittenByPenstock,
      unreadable &&
        `ConfigMap ${unreadable.join(', ')} is not as Penstock writes it, and is not used: another account changed or made it`,
    ],
  ];
  return found.flatMap(([type, reason, message]) =>
    message === undefined ? [] : [{ type, status: 'True' as const, reason, message }],
  );
}

/** Why the newest generation does not serve: the first of these that is known. */
function explanation({ blocked, failing, failure, wanted, live }: Plan, { error }: Attempt): Explanation {
  const refused = error instanceof Stalled || error instanceof Waiting ? error : undefined;
  const known = blocked ?? refused ?? failing?.failure ?? failure;
  if (known) return { reason: known.reason, message: known.message };
  if (error) return { reason: reasonOf(error), message: error.message };
  return { reason: REASON.rollingOut, message: progress(live.find(({ revision }) => revision.name === wanted?.name)) };
}

const progress = (wanted: LiveRevision | undefined): string =>
  wanted
    ? `waiting for revision ${wanted.revision.name}: ${wanted.ready} of ${wanted.scaleTo ?? wanted.replicas} pods are Ready`
    : 'waiting for a revision';

/** Between two starts of a container its last failure is not in its status: the condition keeps the reason it has. */
function keptWhileRestarting(why: Explanation, { pipeline: { status, metadata } }: ObservedPipeline): Explanation {
  const before = status?.conditions?.find(({ type }) => type === CONDITION.upToDate);
  const isKept =
    why.reason === REASON.restarting &&
    before?.status === 'False' &&
    before.observedGeneration === metadata.generation &&
    before.reason !== REASON.rollingOut;
  return isKept ? { reason: before.reason, message: before.message } : why;
}

function modelsReady({ blocked }: Plan): Finding {
  const type = CONDITION.modelsReady;
  if (blocked && MODEL_REASONS.includes(blocked.reason))
    return { type, status: 'False', reason: blocked.reason, message: blocked.message };
  return { type, status: 'True', reason: REASON.verified, message: '' };
}

function initSucceeded(plan: Plan): Finding {
  const { wanted, failure, failing } = plan;
  const type = CONDITION.initSucceeded;
  const failed = failure ?? failing?.failure ?? parseFailure(wanted?.abandoned);
  if (failed && INIT_REASON.test(failed.reason))
    return { type, status: 'False', reason: failed.reason, message: failed.message };
  return wantedHasServed(plan)
    ? { type, status: 'True', reason: REASON.serving, message: '' }
    : { type, status: 'Unknown', reason: REASON.rollingOut, message: 'no pod of this generation has started yet' };
}

/** The wanted revision has a Ready pod, or has had one and is at zero. */
function wantedHasServed(plan: Plan): boolean {
  const running = plan.live.find(({ revision }) => revision.name === plan.wanted?.name);
  return hasReadyPod(running) || (running?.role === 'stable' && isAvailableAtZero(plan));
}
