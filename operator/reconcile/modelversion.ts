/** The reconcile of a ModelVersion: verified once by a Job, then pinned. */
import { isDeepStrictEqual } from 'node:util';
import { applyAll, prune } from '../apply/apply.ts';
import { nextStep, settle, splitKey, type Key, type Result } from '../api/flow.ts';
import type { ObservedModelVersion } from '../api/observed.ts';
import { LABEL, podOwner } from '../api/labels.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import { configMapSource } from '../desired/fetching.ts';
import { verificationKey, verifyJob } from '../desired/verifyJob.ts';
import { looksRefused, planVerification } from '../plan/verification.ts';
import { modelVersionStatus } from '../status/modelversion.ts';
import type { Deps } from './deps.ts';
import { modelVersionEvents } from './events.ts';

export async function reconcileModelVersion(key: Key, deps: Deps): Promise<Result> {
  const seen = await observeModelVersion(key, deps);
  if (!seen) return { next: 'rest' };
  const { modelVersion } = seen;
  const plan = planVerification(seen);
  const wanted = plan.start === undefined ? [] : [verifyJob(modelVersion, plan.start, deps.config)];

  const attempt = await settle(() => applyAll(wanted, modelVersion, deps.kube));

  const status = modelVersionStatus(modelVersion, plan, verificationKey(modelVersion), deps.now());
  if (!isDeepStrictEqual(status, modelVersion.status && structuredClone(modelVersion.status))) {
    const { apiVersion, kind, metadata: { name, namespace = '', uid = '' } } = modelVersion;
    const written = await deps.kube.client.applyStatus({ apiVersion, kind, metadata: { name, namespace, uid }, status } as unknown as ModelVersion);
    deps.kube.caches.modelVersions.put(written);
  }
  await prune(plan.prune, () => false, deps.kube); // after the status: a result is never lost
  for (const note of modelVersionEvents(modelVersion.status, status)) deps.events.publish(modelVersion, note);
  return nextStep(attempt, plan.wakeAfterMs);
}

async function observeModelVersion(key: Key, { kube: { caches, client }, now: clock }: Deps): Promise<ObservedModelVersion | undefined> {
  const { namespace, name } = splitKey(key);
  const modelVersion = caches.modelVersions.get(namespace, name);
  if (!modelVersion || modelVersion.metadata.deletionTimestamp !== undefined) return undefined;
  const now = clock();
  const jobs = caches.jobs.ownedBy(modelVersion.metadata.uid ?? '');
  const pods = caches.pods.ownedBy(podOwner(namespace, LABEL.modelVersion, name));
  const source = configMapSource(modelVersion.spec.source.uri);
  const refused = jobs.find((job) => looksRefused(job, pods.length, now));
  const refusal = refused && (await client.lastWarning(namespace, refused.metadata.uid ?? ''));
  return {
    modelVersion, jobs, pods, now,
    sourceExists: source === undefined || caches.configMapMetadata.get(namespace, source.name) !== undefined,
    running: [...caches.jobs.values()].filter(({ status }) => !status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed')).length,
    ...(refusal !== undefined && { refusal }),
  };
}
