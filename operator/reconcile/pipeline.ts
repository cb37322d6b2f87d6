/** The reconcile of an InferencePipeline: observe once, plan and render purely, apply, tell. */
import { isDeepStrictEqual } from 'node:util';
import { applyAll, prune } from '../apply/apply.ts';
import { nudge, setCounts, writeAbandoned } from '../apply/effects.ts';
import { nextStep, settle, type Key, type Result } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline, InferencePipelineStatus } from '../api/types.gen.ts';
import { children } from '../desired/children.ts';
import { trafficHash, trafficTable, trafficText } from '../desired/traffic.ts';
import { planRollout, type Plan } from '../plan/rollout.ts';
import { pipelineStatus } from '../status/pipeline.ts';
import type { Deps } from './deps.ts';
import { pipelineEvents } from './events.ts';
import { observePipeline } from './observePipeline.ts';

export async function reconcilePipeline(key: Key, deps: Deps): Promise<Result> {
  const seen = await observePipeline(key, deps);
  if (!seen) return { next: 'rest' };
  const { pipeline } = seen;
  const plan = planRollout(seen, deps.config);
  const retiring = plan.live.filter(({ role }) => role === 'retiring').map(({ revision }) => revision.name);
  const traffic = trafficTable(seen, plan.active, retiring);
  const wanted = children({ ...plan, pipeline, traffic, scriptFiles: seen.script?.files ?? {} });

  const attempt = await settle(async () => {
    if (plan.abandon) await writeAbandoned(plan.abandon, deps.kube);
    await applyAll(wanted, pipeline, deps.kube);
    await setCounts(plan.live, pipeline, deps.kube);
    await nudge(seen.pods, trafficHash(trafficText(traffic)), deps.kube);
    await prune(seen.children, stays(wanted, plan), deps.kube);
  });

  const url = `http://${pipeline.metadata.name}.${pipeline.metadata.namespace ?? ''}.svc.${deps.config.clusterDomain}/score`;
  const status = pipelineStatus(seen, plan, attempt, url);
  if (!isDeepStrictEqual(status, plain(pipeline.status))) await writeStatus(pipeline, status, deps);
  for (const note of pipelineEvents(pipeline.status, status)) deps.events.publish(pipeline, note);
  return nextStep(attempt, plan.wakeAfterMs);
}

/** What is wanted, kept revisions, and all that is left of those that retire, are held or serve without their ConfigMap. */
function stays(wanted: KubeObject[], { kept, active, live }: Plan): (object: KubeObject) => boolean {
  const names = new Set([...wanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`), ...kept.map((name) => `ConfigMap/${name}`)]);
  const left = new Map(live.filter(({ role, held }) => held || role === 'retiring').map(({ revision, autoscaled }) => [revision.name, autoscaled]));
  if (active !== undefined && !kept.includes(active)) left.set(active, true);
  return ({ kind, metadata }) => {
    const revision = metadata.labels?.[LABEL.revision] ?? '';
    return names.has(`${kind}/${metadata.name}`) || (left.has(revision) && (kind !== 'HorizontalPodAutoscaler' || left.get(revision) === true));
  };
}

const plain = (status: InferencePipelineStatus | undefined): unknown => (status === undefined ? undefined : structuredClone(status));

async function writeStatus({ apiVersion, kind, metadata: { name, namespace = '', uid = '' } }: InferencePipeline, status: InferencePipelineStatus, { kube }: Deps): Promise<void> {
  const written = await kube.client.applyStatus({ apiVersion, kind, metadata: { name, namespace, uid }, status } as unknown as InferencePipeline);
  kube.caches.pipelines.put(written);
}

