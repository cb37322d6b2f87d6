/** Writes what a plan asks for, in the order in which a crash between two steps does no harm. */
import { applyAll, prune } from '../apply/apply.ts';
import { adoptOrphans, confirmReadyPods, markFailed, refreshPodMounts, setReplicas } from '../apply/effects.ts';
import { objectKey } from '@penstock/kube/api/keys';
import { KIND } from '../api/kinds.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { ObservedPipeline } from '../api/observed.ts';
import type { Plan } from '../api/plan.ts';
import { children } from '../desired/children.ts';
import { changedOwners } from '../desired/keySecret.ts';
import { ownerReference } from '../desired/meta.ts';
import { trafficHash, trafficTable, trafficText } from '../desired/traffic.ts';
import type { Deps } from './deps.ts';

/** Throws what the API server refuses; Outdated when the cache was behind. */
export async function applyPlan(seen: ObservedPipeline, plan: Plan, deps: Deps): Promise<void> {
  const { kube, keys, config } = deps;
  const { pipeline } = seen;
  const keyHashes = seen.keyHashes ?? (await keys.create(pipeline)).hashes;
  const traffic = trafficTable(seen, plan, keyHashes);
  const wanted = children({
    ...plan,
    pipeline,
    traffic,
    scriptFiles: seen.script ?? {},
    networkAccess: config.networkAccess,
    initialized: seen.traffic !== undefined,
  });
  if (plan.trafficSwitch) await confirmReadyPods(plan.trafficSwitch, pipeline, kube);
  await adoptOrphans(seen.orphans, ownerReference(pipeline), kube);
  if (plan.failing) await markFailed(plan.failing, kube);
  await applyAll(wanted, pipeline, kube);
  await setReplicas(plan.live, pipeline, kube);
  await refreshPodMounts(seen.pods, trafficHash(trafficText(traffic)), kube);
  await prune(seen.children, isKept(wanted.flat(), plan), kube);
  await settleKeyOwner(seen, deps); // last: it holds nothing else up
}

/** The key Secret outlives its pipeline, unless the pipeline's annotation says otherwise. */
async function settleKeyOwner({ pipeline, keySecret }: ObservedPipeline, { kube, keys }: Deps): Promise<void> {
  const owners = keySecret && changedOwners(pipeline, keySecret);
  if (!owners) return;
  const { metadata } = await kube.client.patchMetadata(KIND.secret, keySecret, { ownerReferences: owners });
  keys.updated(objectKey(pipeline), metadata);
}

/**
 * Wanted children stay, and the ConfigMaps of kept revisions. All children of a revision stay, but not its autoscaler
 * where it has none planned, while it retires, while its scaling is frozen, or while it serves without its ConfigMap.
 */
function isKept(wanted: KubeObject[], { kept, stable, live }: Plan): (object: KubeObject) => boolean {
  const names = new Set([
    ...wanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ...kept.map((name) => `ConfigMap/${name}`),
  ]);
  const untouched = new Map(
    live
      .filter(({ role, scalingFrozen }) => scalingFrozen || role === 'retiring')
      .map(({ revision, autoscaled }) => [revision.name, autoscaled]),
  );
  if (stable !== undefined && !kept.includes(stable)) untouched.set(stable, true);
  return ({ kind, metadata }) => {
    const autoscaled = untouched.get(metadata.labels?.[LABEL.revision] ?? '');
    if (names.has(`${kind}/${metadata.name}`)) return true;
    return autoscaled !== undefined && (kind !== 'HorizontalPodAutoscaler' || autoscaled);
  };
}
