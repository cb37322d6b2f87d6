/** The reconcile of an InferencePipeline: observe once, plan and render purely, apply, tell. */
import { applyAll, prune } from '../apply/apply.ts';
import { adoptOrphans, confirmReadyPods, refreshPodMounts, setReplicas, markFailed } from '../apply/effects.ts';
import { writeStatus } from '../apply/status.ts';
import { isRace, nextStep, settle, splitKey, type Key, type Result } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import { children } from '../desired/children.ts';
import { ownerReference } from '../desired/meta.ts';
import { trafficHash, trafficTable, trafficText } from '../desired/traffic.ts';
import { planRollout, type Plan } from '../plan/rollout.ts';
import { pipelineStatus } from '../status/pipeline.ts';
import { namespaceTooLargeStatus } from '../status/namespaceTooLarge.ts';
import type { Deps } from './deps.ts';
import { pipelineEvents } from './events.ts';
import { USAGE_GRACE_MS } from './usageGracePeriod.ts';
import { observePipeline } from './observePipeline.ts';
import { reportNamespaceTooLarge } from './namespaceTooLarge.ts';

export async function reconcilePipeline(key: Key, deps: Deps): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const unseen = deps.kube.omitted(namespace);
  if (unseen !== undefined)
    return reportNamespaceTooLarge(
      deps.kube.caches.pipelines.get(namespace, name),
      (pipeline) => namespaceTooLargeStatus(pipeline, unseen, deps.now()),
      deps,
    );
  const seen = await observePipeline(key, deps);
  if (!seen) return { next: 'rest' };
  const { pipeline } = seen;
  const plan = planRollout(seen, deps.config);
  const traffic = trafficTable(seen, plan);
  const wanted = children({
    ...plan,
    pipeline,
    traffic,
    scriptFiles: seen.script ?? {},
    networkAccess: deps.config.networkAccess,
    begun: seen.traffic !== undefined,
  });

  const attempt = await settle(async () => {
    if (plan.takesOver) await confirmReadyPods(plan.takesOver, pipeline, deps.kube);
    await adoptOrphans(seen.orphans, ownerReference(pipeline), deps.kube);
    if (plan.abandon) await markFailed(plan.abandon, deps.kube);
    await applyAll(wanted, pipeline, deps.kube);
    await setReplicas(plan.live, pipeline, deps.kube);
    await refreshPodMounts(seen.pods, trafficHash(trafficText(traffic)), deps.kube);
    await prune(seen.children, stays(wanted.flat(), plan), deps.kube);
  });
  if (isRace(attempt.error)) return nextStep(attempt, plan.wakeAfterMs);
  if (deps.usageGrace.contains(key, plan.blocked, seen.now)) return nextStep(attempt, USAGE_GRACE_MS);

  const url = `http://${pipeline.metadata.name}.${pipeline.metadata.namespace ?? ''}.svc.${deps.config.clusterDomain}/score`;
  const status = pipelineStatus(seen, plan, attempt, url);
  if (await writeStatus(pipeline, status, deps.kube))
    for (const note of pipelineEvents(pipeline.status, status)) deps.events.publish(pipeline, note);
  return nextStep(attempt, plan.wakeAfterMs);
}

/** What is wanted, kept revisions, and all that is left of those that retire, are held or serve without their ConfigMap. */
function stays(wanted: KubeObject[], { kept, active, live }: Plan): (object: KubeObject) => boolean {
  const names = new Set([
    ...wanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ...kept.map((name) => `ConfigMap/${name}`),
  ]);
  const left = new Map(
    live
      .filter(({ role, held }) => held || role === 'retiring')
      .map(({ revision, autoscaled }) => [revision.name, autoscaled]),
  );
  if (active !== undefined && !kept.includes(active)) left.set(active, true);
  return ({ kind, metadata }) => {
    const revision = metadata.labels?.[LABEL.revision] ?? '';
    return (
      names.has(`${kind}/${metadata.name}`) ||
      (left.has(revision) && (kind !== 'HorizontalPodAutoscaler' || left.get(revision) === true))
    );
  };
}
