/** The reconcile of an InferencePipeline: observe, plan, apply, write the status. */
import { isRace, type Result } from '@penstock/kube/controller/result';
import { nextStep, settle, type Attempt } from '../api/flow.ts';
import { splitKey, type Key } from '@penstock/kube/api/keys';
import type { ObservedPipeline } from '../api/observed.ts';
import type { Plan } from '../api/plan.ts';
import type { InferencePipeline, InferencePipelineStatus } from '../api/types.gen.ts';
import { forgetPipeline, observePipeline } from '../observe/pipeline.ts';
import { planRollout } from '../plan/rollout.ts';
import { pipelineStatus } from '../status/pipeline.ts';
import { stalledStatus, unobservedStatus } from '../status/unobserved.ts';
import { applyPlan } from './applyPlan.ts';
import { settleClaim, writeOwnStatus } from './claims.ts';
import type { Deps } from './deps.ts';
import { pipelineEvents } from './events.ts';
import { reportNamespaceTooLarge } from './namespaceTooLarge.ts';
import { rolloutSteps } from './rolloutSteps.ts';
import { USAGE_GRACE_MS } from './usageGracePeriod.ts';

export async function reconcilePipeline(key: Key, deps: Deps): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const pipeline = deps.kube.caches.pipelines.get(namespace, name);
  if (!pipeline) return forget(key, deps);
  if (pipeline.metadata.deletionTimestamp !== undefined) return { next: 'rest' };
  const left = await settleClaim(pipeline, deps);
  if (left) return left;
  const tooLarge = deps.kube.omitted(namespace);
  if (tooLarge !== undefined)
    return reportNamespaceTooLarge(pipeline, stalledStatus(pipeline, tooLarge, deps.now()), deps);

  const observed = await settle(() => observePipeline(pipeline, deps));
  if (!observed.value) return reportUnobserved(pipeline, observed, deps);
  const seen = { ...observed.value, mayRefresh: deps.refreshes.has(key) };
  const plan = planRollout(seen, deps.config);
  deps.refreshes.set(key, plan.refresh);
  const attempt = await settle(() => applyPlan(seen, plan, deps));
  if (isRace(attempt.error)) return nextStep(attempt, plan.wakeAfterMs);
  if (!attempt.error) for (const step of rolloutSteps(seen, plan)) deps.log(step);
  if (deps.usageGrace.contains(key, plan.blocked, seen.now)) return nextStep(attempt, USAGE_GRACE_MS);

  await report(seen, plan, attempt, deps);
  return nextStep(attempt, plan.wakeAfterMs);
}

function forget(key: Key, deps: Deps): Result {
  forgetPipeline(splitKey(key), deps);
  deps.usageGrace.forget(key);
  deps.refreshes.set(key, 'none');
  return { next: 'rest' };
}

async function report(seen: ObservedPipeline, plan: Plan, attempt: Attempt, deps: Deps): Promise<void> {
  const { name, namespace = '' } = seen.pipeline.metadata;
  const url = `http://${name}.${namespace}.svc.${deps.config.clusterDomain}/score`;
  await publish(seen.pipeline, pipelineStatus(seen, plan, attempt, url), deps);
}

/** A read was refused: the children stay as they are, and the status says why. */
async function reportUnobserved(pipeline: InferencePipeline, attempt: Attempt, deps: Deps): Promise<Result> {
  if (!isRace(attempt.error)) await publish(pipeline, unobservedStatus(pipeline, attempt, deps.now()), deps);
  return nextStep(attempt, undefined);
}

async function publish(pipeline: InferencePipeline, status: InferencePipelineStatus, deps: Deps): Promise<void> {
  if (!(await writeOwnStatus(pipeline, status, deps))) return;
  for (const note of pipelineEvents(pipeline.status, status)) deps.events.publish(pipeline, note);
}
