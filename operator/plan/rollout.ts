/** Names the state of a rollout before anybody acts on it: which revision serves, which comes, which goes. */
import { selectedRevision } from '../api/endpointSlices.ts';
import { Stalled, Waiting } from '../api/flow.ts';
import {
  newestFirst,
  type ObservedPipeline,
  type RenderConfig,
  type Revision,
  type TakeOver,
} from '../api/observed.ts';
import { isFinal, REASON } from '../api/reasons.ts';
import type { Effective, EffectiveMetric } from '../api/types.gen.ts';
import { minPods, isAutoscaled } from '../desired/autoscaler.ts';
import { effective as resolve } from '../desired/effective.ts';
import { wantedRevision } from '../desired/revision.ts';
import type { PodFailure } from '../status/podFailures.ts';
import { factsOf, type Facts } from './facts.ts';
import { planRest, type Rest } from './rest.ts';

const INIT_FAILURES = 3;
/** How long a retiring revision still answers (with `Connection: close`) before its pods go. */
export const DRAIN_MS = 5_000;

export interface LiveRevision {
  revision: Revision;
  role: 'active' | 'next' | 'retiring';
  /** Count to set through the scale subresource; absent: it is right, or the autoscaler's. */
  scaleTo?: number;
  autoscaled: boolean;
  /** Its autoscaler and disruption budget stay as they are: another generation's bounds are not its own. */
  held: boolean;
  replicas: number;
  ready: number;
}

export interface Plan {
  effective: Effective;
  /** What the autoscaler can be told to look at; none of it, no autoscaler. */
  metrics: EffectiveMetric[];
  /** The revision this generation asks for; absent with `blocked`, unless it was given up. */
  wanted?: Revision | undefined;
  /** Why there is no wanted revision, or why it was given up. */
  blocked?: Stalled | Waiting | undefined;
  /** The revision to give up now. */
  abandon?: { revision: Revision; failure: PodFailure } | undefined;
  /** The stable Service points here after this reconcile. */
  active?: string | undefined;
  /** Set when the active revision takes the traffic from another. */
  takesOver?: TakeOver | undefined;
  /** Revisions with pods, or that should have them. */
  live: LiveRevision[];
  /** Revisions whose ConfigMap stays. */
  kept: string[];
  /** Why the wanted revision is not Ready. */
  failure?: PodFailure | undefined;
  /** Of the active revision, where it may have no pods. */
  rest?: Rest | undefined;
  wakeAfterMs?: number | undefined;
}

export function planRollout(seen: ObservedPipeline, config: RenderConfig): Plan {
  const effective = resolve(seen.pipeline.spec);
  const metrics = effective.metrics.filter(({ type }) => type !== 'Concurrency' || seen.noConcurrency === undefined);
  const { wanted, blocked } = want(seen, effective, config);
  const current = servingNow(seen);
  const known = wanted && !seen.revisions.includes(wanted) ? [...seen.revisions, wanted] : seen.revisions;
  const size = wantedSize(seen, current, wanted, effective);
  const active = chooseActive(seen, current, wanted, size);
  const facts = wanted && factsOf(seen, wanted.name);
  const upcoming = wanted?.name === active ? undefined : wanted;
  const abandon = upcoming && facts && giveUp(upcoming, facts);
  const next = abandon || upcoming?.abandoned !== undefined ? undefined : upcoming?.name;
  const serving = known.find(({ name }) => name === active);
  const held = holds(serving, upcoming, next, seen);
  const rest = serving && planRest(seen, { name: serving.name, ...factsOf(seen, serving.name) }, effective, held);

  const live = known.flatMap((revision): LiveRevision[] => {
    const has = factsOf(seen, revision.name);
    const counts = { revision, replicas: has.replicas, ready: has.ready, held: false };
    if (revision === serving && held)
      return [{ ...counts, role: 'active', held: true, autoscaled: has.hasAutoscaler, ...heldSize(has, rest, seen) }];
    if (revision === serving)
      return [
        { ...counts, role: 'active', ...activeSize(has, effective, { size, rest, measured: metrics.length > 0 }) },
      ];
    if (revision.name === next)
      return [
        {
          ...counts,
          role: 'next',
          autoscaled: false,
          ...((has.exists && has.replicas === size) || endsFirst(has) ? {} : { scaleTo: size }),
        },
      ];
    const dropped = !has.exists || revision.abandoned !== undefined || revision === abandon?.revision;
    return dropped ? [] : retiring(counts, has, drainLeftMs(seen, revision.name));
  });
  return {
    effective,
    metrics,
    wanted,
    active,
    abandon,
    live,
    rest,
    takesOver: takeOver(current, active, size),
    blocked: blocked ?? (upcoming && abandonment(upcoming)),
    failure: facts?.failure,
    kept: keptRevisions(known, live, wanted, effective.revisionHistoryLimit),
    wakeAfterMs: sooner(nextDrainEnd(seen, live), rest?.wakeAfterMs),
  };
}

const takeOver = (from: string | undefined, to: string | undefined, size: number): TakeOver | undefined =>
  from === undefined || to === undefined || from === to ? undefined : { from, to, size };

const sooner = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);

function nextDrainEnd(seen: ObservedPipeline, live: LiveRevision[]): number | undefined {
  const left = live
    .filter(({ role }) => role === 'retiring')
    .map(({ revision }) => drainLeftMs(seen, revision.name))
    .filter((ms) => ms > 0);
  return left.length > 0 ? Math.min(...left) : undefined;
}

/** What the stable Service points to; where it was deleted or edited, what the status says served last. */
function servingNow({ service, revisions, pipeline }: ObservedPipeline): string | undefined {
  const known = (name: string | undefined): boolean => revisions.some((revision) => revision.name === name);
  const selected = selectedRevision(service);
  return known(selected) || !known(pipeline.status?.activeRevision) ? selected : pipeline.status?.activeRevision;
}

function want(
  seen: ObservedPipeline,
  effective: Effective,
  config: RenderConfig,
): { wanted?: Revision; blocked?: Stalled | Waiting } {
  try {
    return { wanted: wantedRevision(seen, effective, config) };
  } catch (error) {
    if (error instanceof Stalled || error instanceof Waiting) return { blocked: error };
    throw error;
  }
}

/** A newcomer must bring as many pods as serve now, within the new bounds. */
function wantedSize(
  seen: ObservedPipeline,
  current: string | undefined,
  wanted: Revision | undefined,
  effective: Effective,
): number {
  const serving = current === undefined || current === wanted?.name ? 0 : factsOf(seen, current).replicas;
  return Math.min(Math.max(minPods(effective), serving), effective.maxReplicas);
}

/** The newcomer takes over when it is Ready at its size, or at once when the old one has never served anybody. */
function chooseActive(
  seen: ObservedPipeline,
  current: string | undefined,
  wanted: Revision | undefined,
  size: number,
): string | undefined {
  if (!wanted || wanted.name === current || wanted.abandoned !== undefined) return current;
  if (current === undefined || factsOf(seen, wanted.name).ready >= size) return wanted.name;
  const served = seen.pipeline.status?.history?.some(({ revision }) => revision === current);
  return !served && factsOf(seen, current).ready === 0 ? wanted.name : current;
}

/** Wanted back while the pods of its former life still end: they must not be taken for new ones. */
const endsFirst = ({ exists, replicas, pods }: Facts): boolean => exists && replicas === 0 && pods > 0;

/**
 * Before there is a Ready pod, and for fixed counts, we size; from then on the autoscaler does. At 0 it rests, and to its
 * minimum it takes its time: those are ours to end. With nothing to measure there is none, and what runs stays within the
 * bounds. What sleeps has no autoscaler until its next pod is Ready (ADR 12), and rests until somebody wakes it.
 */
function activeSize(
  has: Facts,
  effective: Effective,
  { size, rest, measured }: { size: number; rest: Rest | undefined; measured: boolean },
): { autoscaled: boolean; scaleTo?: number } {
  if (rest?.asleep) return { autoscaled: false, ...(has.replicas > 0 && { scaleTo: 0 }) };
  const autoscaled = isAutoscaled(effective) && measured && (has.hasAutoscaler || has.ready > 0);
  const count = isAutoscaled(effective) ? Math.min(Math.max(has.replicas, size), effective.maxReplicas) : size;
  const right = autoscaled ? has.replicas >= minPods(effective) : has.replicas === count;
  return has.exists && right ? { autoscaled } : { autoscaled, scaleTo: count };
}

/** While a newcomer comes up, and when one of another target was given up, what serves keeps the size it has. */
function holds(
  serving: Revision | undefined,
  upcoming: Revision | undefined,
  next: string | undefined,
  { pipeline }: ObservedPipeline,
): boolean {
  return upcoming !== undefined && (next !== undefined || serving?.record.target !== pipeline.spec.target);
}

/** One at zero is woken when nobody stands in for it any more. */
const heldSize = (has: Facts, rest: Rest | undefined, { activator }: ObservedPipeline): { scaleTo?: number } =>
  activator && has.exists && has.replicas === 0 && !rest?.asleep ? { scaleTo: 1 } : {};

/** Answers on until its time is over, then has no pods, then is gone. */
function retiring(
  counts: Pick<LiveRevision, 'revision' | 'replicas' | 'ready' | 'held'>,
  has: Facts,
  leftMs: number,
): LiveRevision[] {
  if (leftMs > 0) return [{ ...counts, role: 'retiring', autoscaled: has.hasAutoscaler }];
  if (has.replicas > 0) return [{ ...counts, role: 'retiring', autoscaled: false, scaleTo: 0 }];
  return has.pods > 0 ? [{ ...counts, role: 'retiring', autoscaled: false }] : [];
}

function giveUp(revision: Revision, { failure, deadlineExceeded }: Facts): Plan['abandon'] {
  if (revision.abandoned !== undefined) return undefined;
  if (failure && failure.times >= INIT_FAILURES && isFinal(failure.reason)) return { revision, failure };
  if (!deadlineExceeded) return undefined;
  return {
    revision,
    failure: failure ?? {
      reason: REASON.progressDeadline,
      message: 'the new revision made no progress within rollout.progressDeadline',
      times: 0,
    },
  };
}

function abandonment({ abandoned }: Revision): Stalled | undefined {
  if (abandoned === undefined) return undefined;
  const at = abandoned.indexOf(': ');
  return new Stalled(abandoned.slice(0, at), abandoned.slice(at + 2));
}

/** Time a retiring revision still has; the whole of it before its retirement is written. */
function drainLeftMs({ traffic, now }: ObservedPipeline, name: string): number {
  const entry = traffic?.revisions[name];
  return entry?.state === 'retiring' ? DRAIN_MS - (now - Date.parse(entry.since)) : DRAIN_MS;
}

/** Live ones, the wanted one, and the newest of the rest. */
function keptRevisions(known: Revision[], live: LiveRevision[], wanted: Revision | undefined, limit: number): string[] {
  const busy = new Set([...live.map(({ revision }) => revision.name), ...(wanted ? [wanted.name] : [])]);
  const old = known.filter(({ name }) => !busy.has(name)).sort(newestFirst);
  return [...busy, ...old.slice(0, limit).map(({ name }) => name)];
}
