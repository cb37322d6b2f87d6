/** The reconcile of a ModelVersion: verified once by a Job, then pinned. */
import { applyAll, prune } from '../apply/apply.ts';
import { adoptOrphans } from '../apply/effects.ts';
import { writeStatus } from '../apply/status.ts';
import { nextStep, settle, splitKey, type Key, type Result } from '../api/flow.ts';
import { controllerOf, type KubeObject } from '../api/objects.ts';
import type { ObservedModelVersion } from '../api/observed.ts';
import { LABEL, orphanIndexKey, ownerIndexKey, podOwnerIndexKey, indexKey } from '../api/labels.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import { configMapSource } from '../desired/fetching.ts';
import { ownerReference } from '../desired/meta.ts';
import { verificationKey, verifyJob } from '../desired/verifyJob.ts';
import { looksRefused, planVerification, slotsFor } from '../plan/verification.ts';
import { modelVersionStatus } from '../status/modelversion.ts';
import { namespaceTooLargeModelVersionStatus } from '../status/namespaceTooLarge.ts';
import type { Deps } from './deps.ts';
import { modelVersionEvents } from './events.ts';
import { reportNamespaceTooLarge } from './namespaceTooLarge.ts';

export async function reconcileModelVersion(key: Key, deps: Deps): Promise<Result> {
  const { namespace, name } = splitKey(key);
  const unseen = deps.kube.omitted(namespace);
  if (unseen !== undefined) {
    // What was verified stays so; who uses it is not known, and not written.
    const status = (one: ModelVersion): object | undefined =>
      one.status?.verifiedSource === verificationKey(one)
        ? undefined
        : namespaceTooLargeModelVersionStatus(one, unseen, deps.now());
    return reportNamespaceTooLarge(deps.kube.caches.modelVersions.get(namespace, name), status, deps);
  }
  const seen = await observeModelVersion(key, deps);
  if (!seen) return { next: 'rest' };
  const { modelVersion } = seen;
  const plan = planVerification(seen);
  const wanted = plan.start === undefined ? [] : [[verifyJob(modelVersion, plan.start, deps.config)]];

  const attempt = await settle(async () => {
    await adoptOrphans(seen.orphans, ownerReference(modelVersion), deps.kube);
    await applyAll(wanted, modelVersion, deps.kube);
  });

  const status = modelVersionStatus(seen, plan, verificationKey(modelVersion));
  if (await writeStatus(modelVersion, status, deps.kube))
    for (const note of modelVersionEvents(modelVersion.status, status)) deps.events.publish(modelVersion, note);
  await prune(plan.prune, () => false, deps.kube); // after the status: a result is never lost
  return nextStep(attempt, plan.wakeAfterMs);
}

async function observeModelVersion(key: Key, { kube, now: clock }: Deps): Promise<ObservedModelVersion | undefined> {
  const { caches, client } = kube;
  const { namespace, name } = splitKey(key);
  const modelVersion = caches.modelVersions.get(namespace, name);
  if (!modelVersion || modelVersion.metadata.deletionTimestamp !== undefined) return undefined;
  const now = clock();
  const orphans = caches.jobs.byIndex(orphanIndexKey(namespace, LABEL.modelVersion, name));
  const jobs = [...caches.jobs.byIndex(ownerIndexKey(modelVersion.metadata)), ...orphans];
  const pods = caches.pods.byIndex(podOwnerIndexKey(namespace, LABEL.modelVersion, name));
  const source = configMapSource(modelVersion.spec.source.uri);
  const refused = jobs.find((job) => looksRefused(job, pods, now));
  const refusal = refused && (await client.lastWarning(namespace, refused.metadata.uid ?? ''));
  return {
    modelVersion,
    jobs,
    orphans,
    pods,
    now,
    users: usersOf(modelVersion, caches),
    sourceExists: source === undefined || caches.configMapMetadata.get(namespace, source.name) !== undefined,
    slots: slotsFor(
      namespace,
      [...caches.jobs.values()].filter((job) => isVerification(job, caches.modelVersions)),
      queuedIn(caches),
      now,
    ),
    ...(refusal !== undefined && { refusal }),
  };
}

/** Namespaces of the model versions that wait for a slot. */
const queuedIn = ({ modelVersions }: Deps['kube']['caches']): string[] =>
  modelVersions
    .byIndex(indexKey.verification)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.namespace ?? '');

/** A Job of a ModelVersion that is there; another's labels take no slot. */
function isVerification(job: KubeObject, modelVersions: Deps['kube']['caches']['modelVersions']): boolean {
  const controller = controllerOf(job);
  return (
    controller !== undefined &&
    modelVersions.get(job.metadata.namespace ?? '', controller.name)?.metadata.uid === controller.uid
  );
}

/** Pipelines that name a model version, and those whose pods still have it. */
function usersOf(
  { metadata: { namespace = '', name } }: ModelVersion,
  { pipelines, deployments }: Deps['kube']['caches'],
): string[] {
  const word = indexKey.modelVersion(namespace, name);
  const named = pipelines
    .byIndex(word)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
  const loaded = deployments.byIndex(word).flatMap(({ metadata }) => metadata.labels?.[LABEL.pipeline] ?? []);
  return [...new Set([...named, ...loaded])].sort();
}
