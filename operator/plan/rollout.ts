/** Names the state of a rollout before anybody acts on it: which revision serves, which comes, which goes. */
import { Stalled, Waiting } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import type { ObservedPipeline, RenderConfig, Revision } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import type { Effective } from '../api/types.gen.ts';
import { scales } from '../desired/autoscaler.ts';
import { effective as resolve } from '../desired/effective.ts';
import { wantedRevision } from '../desired/revision.ts';
import { podFailure, type PodFailure } from '../status/podFailures.ts';

const INIT_FAILURES = 3;
/** How long a retiring revision still answers (with `Connection: close`) before its pods go. */
export const DRAIN_MS = 5_000;

export interface LiveRevision {
  revision: Revision;
  role: 'active' | 'next' | 'retiring';
  /** Count to set through the scale subresource; absent: leave it to the autoscaler, or it is right. */
  scaleTo?: number;
  autoscaled: boolean;
  replicas: number;
  ready: number;
}

export interface Plan {
  effective: Effective;
  /** The revision this generation asks for; absent with `blocked`. */
  wanted?: Revision;
  /** Why there is no wanted revision, or why it was given up. */
  blocked?: Stalled | Waiting;
  /** The revision to give up now. */
  abandon?: { revision: Revision; failure: PodFailure };
  /** The stable Service points here after this reconcile. */
  active?: string;
  live: LiveRevision[];
  /** Revisions whose ConfigMap stays. */
  kept: string[];
  /** Why the wanted revision is not Ready. */
  failure?: PodFailure;
  wakeAfterMs?: number;
}

interface Facts {
  replicas: number;
  ready: number;
  exists: boolean;
  failure: PodFailure | undefined;
  deadlineExceeded: boolean;
  hasAutoscaler: boolean;
}

export function planRollout(seen: ObservedPipeline, config: RenderConfig): Plan {
  const effective = resolve(seen.pipeline.spec);
  const { wanted, blocked } = want(seen, effective, config);
  const current = seen.service?.spec?.selector?.[LABEL.revision];
  const known = [...seen.revisions, ...(wanted && !seen.revisions.includes(wanted) ? [wanted] : [])];
  const facts = (name: string): Facts => factsOf(seen, name);

  const size = wanted && wantedSize(wanted.name, current, effective, facts);
  const active = chooseActive(seen, wanted, current, size ?? 0, facts);
  const failure = wanted && facts(wanted.name).failure;
  const abandon = wanted && wanted.name !== active ? giveUp(wanted, facts(wanted.name)) : undefined;
  const upcoming = wanted !== undefined && wanted.name !== active && !abandon && wanted.abandoned === undefined ? wanted.name : undefined;

  const live: LiveRevision[] = [];
  let wakeAfterMs: number | undefined;
  for (const revision of known) {
    const has = facts(revision.name);
    if (revision.name === active) live.push({ revision, role: 'active', ...sized(has, effective, size ?? effective.minReplicas), replicas: has.replicas, ready: has.ready });
    else if (revision.name === upcoming) live.push({ revision, role: 'next', autoscaled: false, ...(has.exists && has.replicas === size ? {} : { scaleTo: size! }), replicas: has.replicas, ready: has.ready });
    else if (has.exists && revision.abandoned === undefined && revision !== abandon?.revision) {
      const left = drainLeftMs(seen, revision.name);
      if (left > 0) wakeAfterMs = Math.min(left, wakeAfterMs ?? Infinity);
      const gone = left <= 0 && has.replicas === 0 && !seen.pods.some((pod) => pod.metadata.labels?.[LABEL.revision] === revision.name);
      if (!gone) live.push({ revision, role: 'retiring', autoscaled: left > 0 && has.hasAutoscaler, ...(left <= 0 && has.replicas !== 0 ? { scaleTo: 0 } : {}), replicas: has.replicas, ready: has.ready });
    }
  }
  return {
    effective, live, kept: keptRevisions(known, live, wanted, effective.revisionHistoryLimit),
    ...(wanted && { wanted }), ...(active !== undefined && { active }), ...(failure && { failure }), ...(abandon && { abandon }),
    ...(wakeAfterMs !== undefined && { wakeAfterMs }),
    ...(blocked ? { blocked } : wanted?.abandoned !== undefined && wanted.name !== active ? { blocked: abandonedError(wanted.abandoned) } : {}),
  };
}

function want(seen: ObservedPipeline, effective: Effective, config: RenderConfig): { wanted?: Revision; blocked?: Stalled | Waiting } {
  try {
    return { wanted: wantedRevision(seen, effective, config) };
  } catch (error) {
    if (error instanceof Stalled || error instanceof Waiting) return { blocked: error };
    throw error;
  }
}

function factsOf(seen: ObservedPipeline, name: string): Facts {
  const deployment = seen.deployments.find(({ metadata }) => metadata.name === name);
  const pods = seen.pods.filter(({ metadata }) => metadata.labels?.[LABEL.revision] === name && metadata.deletionTimestamp === undefined);
  const progressing = deployment?.status?.conditions?.find(({ type }) => type === 'Progressing');
  return {
    exists: deployment !== undefined,
    replicas: deployment?.spec?.replicas ?? 0,
    ready: deployment?.status?.readyReplicas ?? 0,
    failure: podFailure(pods, deployment),
    deadlineExceeded: progressing?.reason === 'ProgressDeadlineExceeded',
    hasAutoscaler: seen.autoscalers.some(({ metadata }) => metadata.name === name),
  };
}

/** A newcomer must bring as many pods as serve now, within the new bounds. */
function wantedSize(wanted: string, current: string | undefined, effective: Effective, facts: (name: string) => Facts): number {
  const serving = current === undefined || current === wanted ? 0 : facts(current).replicas;
  return Math.min(Math.max(effective.minReplicas, serving), effective.maxReplicas);
}

/** The newcomer takes over when it is Ready at its size, or at once when the old one has never served anybody. */
function chooseActive(seen: ObservedPipeline, wanted: Revision | undefined, current: string | undefined, size: number, facts: (name: string) => Facts): string | undefined {
  if (!wanted || wanted.name === current) return current;
  if (wanted.abandoned !== undefined) return current;
  if (current === undefined || facts(wanted.name).ready >= size) return wanted.name;
  const served = seen.pipeline.status?.history?.some(({ revision }) => revision === current) ?? false;
  return !served && facts(current).ready === 0 ? wanted.name : current;
}

/** Before there is a Ready pod, and for fixed counts, we size; from then on the autoscaler does. */
function sized(has: Facts, effective: Effective, size: number): { autoscaled: boolean; scaleTo?: number } {
  const autoscaled = scales(effective) && (has.hasAutoscaler || has.ready > 0);
  const count = scales(effective) && has.exists ? Math.max(has.replicas, size) : size;
  return autoscaled || (has.exists && has.replicas === count) ? { autoscaled } : { autoscaled, scaleTo: count };
}

function giveUp(revision: Revision, { failure, deadlineExceeded }: Facts): Plan['abandon'] {
  if (failure && failure.times >= INIT_FAILURES) return { revision, failure };
  if (!deadlineExceeded) return undefined;
  return { revision, failure: failure ?? { reason: REASON.progressDeadline, message: 'the new revision made no progress within rollout.progressDeadline', times: 0 } };
}

function abandonedError(text: string): Stalled {
  const at = text.indexOf(': ');
  return new Stalled(text.slice(0, at), text.slice(at + 2));
}

/** Time a retiring revision still has; the whole of it before its retirement is written. */
function drainLeftMs({ traffic, now }: ObservedPipeline, name: string): number {
  const entry = traffic?.revisions[name];
  return entry?.state === 'retiring' ? DRAIN_MS - (now - Date.parse(entry.since)) : DRAIN_MS;
}

/** Live ones and the newest of the rest. */
function keptRevisions(known: Revision[], live: LiveRevision[], wanted: Revision | undefined, limit: number): string[] {
  const busy = new Set([...live.map(({ revision }) => revision.name), ...(wanted ? [wanted.name] : [])]);
  const old = known.filter(({ name }) => !busy.has(name)).sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  return [...busy, ...old.slice(0, limit).map(({ name }) => name)];
}
