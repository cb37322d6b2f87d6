/** The reconcile of a ModelVersion: verified once by a Job, then pinned. */
import { nextStep, settle } from '../api/flow.ts';
import { splitKey, type Key } from '@penstock/kube/api/keys';
import type { Result } from '@penstock/kube/controller/result';
import type { ModelVersion } from '../api/types.gen.ts';
import { applyAll, prune } from '../apply/apply.ts';
import { adoptOrphans } from '../apply/effects.ts';
import { ownerReference } from '../desired/meta.ts';
import { verificationKey, verifyJob } from '../desired/verifyJob.ts';
import { observeModelVersion } from '../observe/modelVersion.ts';
import { planVerification } from '../plan/verification.ts';
import { modelVersionStatus } from '../status/modelversion.ts';
import { stalledModelVersionStatus } from '../status/unobserved.ts';
import { settleClaim, writeOwnStatus } from './claims.ts';
import type { Deps } from './deps.ts';
import { modelVersionEvents } from './events.ts';
import { reportNamespaceTooLarge } from './namespaceTooLarge.ts';

export async function reconcileModelVersion(key: Key, deps: Deps): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const modelVersion = deps.kube.caches.modelVersions.get(namespace, name);
  if (!modelVersion || modelVersion.metadata.deletionTimestamp !== undefined) return { next: 'rest' };
  const left = await settleClaim(modelVersion, deps);
  if (left) return left;
  const tooLarge = deps.kube.omitted(namespace);
  if (tooLarge !== undefined)
    return reportNamespaceTooLarge(modelVersion, statusWhenTooLarge(modelVersion, tooLarge, deps.now()), deps);
  const seen = await observeModelVersion(modelVersion, deps);
  const plan = planVerification(seen, deps.config);
  const wanted = plan.start === undefined ? [] : [[verifyJob(modelVersion, plan.start, deps.config)]];

  const attempt = await settle(async () => {
    await adoptOrphans(seen.orphans, ownerReference(modelVersion), deps.kube);
    await applyAll(wanted, modelVersion, deps.kube);
    if (plan.start !== undefined) deps.log({ message: 'verification started', attempt: plan.start });
  });

  const status = modelVersionStatus(seen, plan, verificationKey(modelVersion));
  if (await writeOwnStatus(modelVersion, status, deps))
    for (const note of modelVersionEvents(modelVersion.status, status)) deps.events.publish(modelVersion, note);
  await prune(plan.prune, () => false, deps.kube); // after the status, so that no result is lost
  return nextStep(attempt, plan.wakeAfterMs);
}

/** A verified ModelVersion stays so; which pipelines use it is not known, and not written. */
function statusWhenTooLarge(modelVersion: ModelVersion, message: string, now: number): object | undefined {
  const isVerified = modelVersion.status?.verifiedSource === verificationKey(modelVersion);
  return isVerified ? undefined : stalledModelVersionStatus(modelVersion, message, now);
}
