/** Revisions that have lost the traffic: draining for DRAIN_MS, then scaled to 0, then removed once no pod is left. */
import { newestFirst, type ObservedPipeline, type Revision, type RevisionState } from '../api/observed.ts';
import type { LiveRevision } from '../api/plan.ts';

/** How long a retiring revision still answers, with `Connection: close`, before its pods are deleted. */
export const DRAIN_MS = 5_000;

/** Undefined when nothing of the revision is left. */
export function retiringScaling(
  state: RevisionState,
  drainLeftMs: number,
): Pick<LiveRevision, 'autoscaled' | 'scalingFrozen' | 'scaleTo'> | undefined {
  if (drainLeftMs > 0) return { autoscaled: state.hasAutoscaler, scalingFrozen: false };
  if (state.replicas > 0) return { autoscaled: false, scalingFrozen: false, scaleTo: 0 };
  return state.pods > 0 ? { autoscaled: false, scalingFrozen: false } : undefined;
}

/** Milliseconds that a revision still drains: all of {@link DRAIN_MS} until the traffic table says `retiring`. */
export function drainLeftMs({ traffic, now }: ObservedPipeline, name: string): number {
  const entry = traffic?.revisions[name];
  return entry?.state === 'retiring' ? DRAIN_MS - (now - Date.parse(entry.since)) : DRAIN_MS;
}

/** Milliseconds until the next revision has drained; undefined when none drains. */
export function nextDrainEndMs(seen: ObservedPipeline, live: LiveRevision[]): number | undefined {
  const left = live
    .filter(({ role }) => role === 'retiring')
    .map(({ revision }) => drainLeftMs(seen, revision.name))
    .filter((ms) => ms > 0);
  return left.length > 0 ? Math.min(...left) : undefined;
}

/** Names of the revisions whose ConfigMap stays: those with pods, the wanted one, and the newest `limit` others. */
export function keptRevisions(
  known: Revision[],
  { live, wanted, limit }: { live: LiveRevision[]; wanted: Revision | undefined; limit: number },
): string[] {
  const inUse = new Set([...live.map(({ revision }) => revision.name), ...(wanted ? [wanted.name] : [])]);
  const others = known.filter(({ name }) => !inUse.has(name)).sort(newestFirst);
  return [...inUse, ...others.slice(0, limit).map(({ name }) => name)];
}
