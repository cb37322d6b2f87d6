/** The status of a pipeline, from what was observed and planned. Pure. Written once per reconcile, if it differs. */
import type { Attempt } from '../api/flow.ts';
import { newestFirst, type ObservedPipeline } from '../api/observed.ts';
import type { LiveRevision, Plan } from '../api/plan.ts';
import type { HistoryEntry, InferencePipelineStatus, RevisionStatus } from '../api/types.gen.ts';
import { timestamp } from '../api/units.ts';
import { conditions } from './conditions.ts';
import { environmentStatus } from './environment.ts';
import { findings } from './findings.ts';

const MAX_HISTORY = 20;

export function pipelineStatus(
  seen: ObservedPipeline,
  plan: Plan,
  attempt: Attempt,
  url: string,
): InferencePipelineStatus {
  const { pipeline, now } = seen;
  const before = pipeline.status;
  const generation = pipeline.metadata.generation ?? 0;
  const stable = plan.live.find(({ role }) => role === 'stable');
  const environment = stable && environmentStatus(stable.revision, seen.pods);
  const counts = { ready: stable?.ready ?? 0, desired: desiredReplicas(stable) };
  return {
    observedGeneration: generation,
    url,
    ...(plan.stable !== undefined && { activeRevision: plan.stable }),
    ...(stable && { scorerImage: stable.revision.record.image }),
    ...(environment && { environment }),
    replicas: { ...counts, summary: `${counts.ready}/${counts.desired}` },
    effective: plan.effective,
    revisions: revisionList(seen, plan),
    history: history(before?.history, stable, now),
    conditions: conditions(findings(seen, plan, attempt), before?.conditions, generation, now),
  };
}

const desiredReplicas = (one: LiveRevision | undefined): number => one?.scaleTo ?? one?.replicas ?? 0;

function revisionList({ revisions }: ObservedPipeline, { wanted, live, kept, stable }: Plan): RevisionStatus[] {
  const all = [...revisions, ...(wanted && !revisions.some(({ name }) => name === wanted.name) ? [wanted] : [])];
  return all
    .filter(({ name }) => kept.includes(name))
    .sort(newestFirst)
    .map(({ name, record, abandoned, failureDetail }) => {
      const running = live.find(({ revision }) => revision.name === name);
      return {
        name,
        weightPercent: running?.weightPercent ?? (name === stable ? 100 : 0),
        replicas: desiredReplicas(running),
        ready: running?.ready ?? 0,
        // Only `penstock serve` renders models without a digest.
        models: record.models.map((model) => ({ name: model.name, version: model.version, digest: model.digest! })),
        ...(record.scriptDigest !== undefined && { scriptDigest: record.scriptDigest }),
        image: record.image,
        createdAt: record.createdAt,
        ...(abandoned !== undefined && { abandoned }),
        ...(failureDetail !== undefined && { failureDetail }),
      };
    });
}

/** Append-only: an entry is added when a revision first serves, and closed when another does. */
function history(before: HistoryEntry[] = [], stable: LiveRevision | undefined, now: number): HistoryEntry[] {
  const last = before.at(-1);
  if (!stable || stable.ready === 0 || last?.revision === stable.revision.name) return before;
  const time = timestamp(now);
  const closed = last ? [...before.slice(0, -1), { ...last, to: time }] : [];
  const { name: revision } = stable.revision;
  return [...closed, { revision, from: time, reason: historyReason(before, revision) }].slice(-MAX_HISTORY);
}

function historyReason(before: HistoryEntry[], revision: string): HistoryEntry['reason'] {
  if (before.length === 0) return 'FirstRollout';
  return before.some((entry) => entry.revision === revision) ? 'RolledBack' : 'RolledOut';
}
