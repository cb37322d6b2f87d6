/** The status of a pipeline, from what was seen and what is planned. Pure; written once per reconcile, if it differs. */
import { Stalled, Waiting, type Attempt } from '../api/flow.ts';
import { newestFirst, type ObservedPipeline, type Revision } from '../api/observed.ts';
import { CONDITION, REASON } from '../api/reasons.ts';
import type { Effective, HistoryEntry, InferencePipelineStatus, RevisionStatus } from '../api/types.gen.ts';
import { timestamp } from '../api/units.ts';
import { conditions, truth, type Finding } from './conditions.ts';
import type { PodFailure } from './podFailures.ts';
import { atRest, scalingMessage, ignoreSmallChanges, type Resting } from './scaling.ts';

const HISTORY = 20;
const INIT_REASON = /^UserScript/;

/** What the status needs of the plan. */
export interface Rollout {
  effective: Effective;
  wanted?: Revision | undefined;
  active?: string | undefined;
  blocked?: Stalled | Waiting | undefined;
  abandon?: { failure: PodFailure } | undefined;
  failure?: PodFailure | undefined;
  live: {
    revision: Revision;
    role: 'active' | 'next' | 'retiring';
    replicas: number;
    ready: number;
    scaleTo?: number;
    autoscaled: boolean;
  }[];
  kept: string[];
  rest?: Resting | undefined;
}

export function pipelineStatus(
  seen: ObservedPipeline,
  rollout: Rollout,
  attempt: Attempt,
  url: string,
): InferencePipelineStatus {
  const { pipeline, now } = seen;
  const before = pipeline.status;
  const generation = pipeline.metadata.generation ?? 0;
  const active = rollout.live.find(({ role }) => role === 'active');
  const counts = { ready: active?.ready ?? 0, desired: wantedPods(active) };
  return {
    observedGeneration: generation,
    url,
    ...(rollout.active === undefined ? {} : { activeRevision: rollout.active }),
    replicas: { ...counts, summary: `${counts.ready}/${counts.desired}` },
    effective: rollout.effective,
    revisions: revisionList(seen, rollout),
    history: history(before?.history, active, now),
    conditions: conditions(findings(seen, rollout, attempt), before?.conditions, generation, now),
  };
}

const wantedPods = (one: Rollout['live'][number] | undefined): number => one?.scaleTo ?? one?.replicas ?? 0;

const servesHow = (active: Rollout['live'][number] | undefined): string =>
  `revision ${active?.revision.name ?? ''} serves${active?.ready ? '' : ': no pod now, a request brings one'}`;

function findings(seen: ObservedPipeline, rollout: Rollout, attempt: Attempt): Finding[] {
  const active = rollout.live.find(({ role }) => role === 'active');
  const onCall = rollout.rest?.onCall ?? false;
  const available = (active?.ready ?? 0) > 0 || onCall;
  const upToDate =
    rollout.wanted !== undefined && rollout.wanted.name === rollout.active && available && !attempt.error;
  const why = upToDate ? { reason: REASON.serving, message: '' } : remembered(explanation(rollout, attempt), seen);
  const stalled =
    !upToDate &&
    (attempt.error instanceof Stalled || rollout.blocked instanceof Stalled || rollout.abandon !== undefined);
  const serving = available ? { reason: REASON.serving, message: servesHow(active) } : why;
  return [
    { type: CONDITION.ready, status: truth(available), ...serving },
    { type: CONDITION.upToDate, status: truth(upToDate), ...why },
    { type: CONDITION.available, status: truth(available), ...serving },
    { type: CONDITION.progressing, status: truth(!upToDate && !stalled), ...why },
    modelsReady(rollout),
    initSucceeded(rollout),
    scalingActive(seen, rollout),
    { type: CONDITION.reconciling, status: truth(!upToDate && !stalled), ...why },
    { type: CONDITION.stalled, status: truth(stalled), ...why },
    ...warnings(seen),
  ];
}

/** Conditions that are there only when they are True: what the user should know although the endpoint serves. */
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

/** Why the newest generation does not serve, most telling first. */
function explanation(
  { blocked, abandon, failure, wanted, live }: Rollout,
  { error }: Attempt,
): { reason: string; message: string } {
  const known =
    blocked ??
    (error instanceof Stalled || error instanceof Waiting ? error : undefined) ??
    abandon?.failure ??
    failure;
  if (known) return { reason: known.reason, message: known.message };
  if (error)
    return {
      reason: /exceeded quota|failed quota/.test(error.message) ? REASON.quota : 'Retrying',
      message: error.message,
    };
  return { reason: REASON.rollingOut, message: progress(live.find(({ revision }) => revision.name === wanted?.name)) };
}

const progress = (next: Rollout['live'][number] | undefined): string =>
  next
    ? `waiting for revision ${next.revision.name}: ${next.ready} of ${next.scaleTo ?? next.replicas} pods are Ready`
    : 'waiting for a revision';

/** While a container is between two tries, what it said last still is why. */
function remembered(
  why: { reason: string; message: string },
  { pipeline: { status, metadata } }: ObservedPipeline,
): { reason: string; message: string } {
  const before = status?.conditions?.find(({ type }) => type === CONDITION.upToDate);
  const still =
    why.reason === REASON.restarting &&
    before?.status === 'False' &&
    before.observedGeneration === metadata.generation &&
    before.reason !== REASON.rollingOut;
  return still ? { reason: before.reason, message: before.message } : why;
}

function modelsReady({ blocked }: Rollout): Finding {
  const bad =
    blocked && ([REASON.modelNotReady, REASON.digest] as string[]).includes(blocked.reason) ? blocked : undefined;
  return {
    type: CONDITION.modelsReady,
    status: truth(!bad),
    reason: bad?.reason ?? REASON.verified,
    message: bad?.message ?? '',
  };
}

function initSucceeded({ wanted, active, failure, live, abandon, rest }: Rollout): Finding {
  const type = CONDITION.initSucceeded;
  const failed = failure ?? abandon?.failure ?? abandonedFailure(wanted);
  if (failed && INIT_REASON.test(failed.reason))
    return { type, status: 'False', reason: failed.reason, message: failed.message };
  const ready = live.some(
    ({ revision, ready: pods }) =>
      revision.name === wanted?.name && (pods > 0 || (rest?.onCall && revision.name === active)),
  );
  return ready
    ? { type, status: 'True', reason: REASON.serving, message: '' }
    : { type, status: 'Unknown', reason: REASON.rollingOut, message: 'no pod of this generation has come so far' };
}

function abandonedFailure(wanted: Revision | undefined): { reason: string; message: string } | undefined {
  const match = /^(\w+): ([\s\S]*)$/.exec(wanted?.abandoned ?? '');
  return match ? { reason: match[1]!, message: match[2]! } : undefined;
}

function scalingActive(
  { autoscalers, noConcurrency, pipeline }: ObservedPipeline,
  { active, effective, live, rest }: Rollout,
): Finding {
  const type = CONDITION.scalingActive;
  const replicas = wantedPods(live.find(({ role }) => role === 'active'));
  const still = atRest(rest, effective, replicas);
  if (still) return { type, ...still };
  const autoscaler = autoscalers.find(({ metadata }) => metadata.name === active);
  const said = autoscaler?.status?.conditions?.find((condition) => condition.type === 'ScalingActive');
  if (noConcurrency !== undefined && effective.metrics.every((metric) => metric.type === 'Concurrency'))
    return { type, status: 'False', reason: REASON.noMetricsApi, message: noConcurrency };
  if (!autoscaler || !said)
    return { type, status: 'Unknown', reason: 'NotYetReady', message: 'scaling begins with the first Ready pod' };
  if (said.status !== 'True')
    return { type, status: 'False', reason: said.reason ?? 'Unknown', message: said.message ?? '' };
  const before = pipeline.status?.conditions?.find((condition) => condition.type === type);
  return {
    type,
    status: 'True',
    reason: 'ValidMetricFound',
    message: ignoreSmallChanges(scalingMessage(autoscaler, effective, replicas), before?.message),
  };
}

function revisionList({ revisions }: ObservedPipeline, { wanted, live, kept, active }: Rollout): RevisionStatus[] {
  const all = [...revisions, ...(wanted && !revisions.some(({ name }) => name === wanted.name) ? [wanted] : [])];
  return all
    .filter(({ name }) => kept.includes(name))
    .sort(newestFirst)
    .map(({ name, record, abandoned, failureDetail }) => {
      const running = live.find(({ revision }) => revision.name === name);
      return {
        name,
        weightPercent: name === active ? 100 : 0,
        replicas: wantedPods(running),
        ready: running?.ready ?? 0,
        models: record.models.map((model) => ({ name: model.name, version: model.version, digest: model.digest })),
        ...(record.scriptDigest === undefined ? {} : { scriptDigest: record.scriptDigest }),
        image: record.image,
        createdAt: record.createdAt,
        ...(abandoned === undefined ? {} : { abandoned }),
        ...(failureDetail === undefined ? {} : { failureDetail }),
      };
    });
}

/** Append-only: an entry when a revision first serves, closed when another does. */
function history(
  before: HistoryEntry[] = [],
  active: Rollout['live'][number] | undefined,
  now: number,
): HistoryEntry[] {
  const last = before.at(-1);
  if (!active || active.ready === 0 || last?.revision === active.revision.name) return before;
  const time = timestamp(now);
  const closed = last ? [...before.slice(0, -1), { ...last, to: time }] : [];
  const again = before.some(({ revision }) => revision === active.revision.name);
  return [
    ...closed,
    {
      revision: active.revision.name,
      from: time,
      reason: last ? (again ? 'RolledBack' : 'RolledOut') : 'FirstRollout',
    },
  ].slice(-HISTORY);
}
