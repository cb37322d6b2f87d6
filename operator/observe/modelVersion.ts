/** All reads of a ModelVersion's reconcile. From caches; the API server is asked only why a Job has no pod. */
import { configMapSource } from '@penstock/contract';
import { indexKey, LABEL, orphanIndexKey, ownerIndexKey, podOwnerIndexKey } from '../api/labels.ts';
import { controllerOf, type KubeObject } from '@penstock/kube/api/objects';
import type { ObservedModelVersion } from '../api/observed.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import type { Caches } from '../caches/kube.ts';
import type { ObserveDeps } from './deps.ts';
import { withoutPodSuffix } from './podFailures.ts';
import { jobState, looksRefused, verificationSlots } from './verificationJobs.ts';

export async function observeModelVersion(
  modelVersion: ModelVersion,
  { kube: { caches, client }, now: clock }: Pick<ObserveDeps, 'kube' | 'now'>,
): Promise<ObservedModelVersion> {
  const { namespace = '', name } = modelVersion.metadata;
  const now = clock();
  const orphans = caches.jobs.byIndex(orphanIndexKey(namespace, LABEL.modelVersion, name));
  const pods = caches.pods.byIndex(podOwnerIndexKey(namespace, LABEL.modelVersion, name));
  const jobs = [...caches.jobs.byIndex(ownerIndexKey(modelVersion.metadata)), ...orphans].map((job) =>
    jobState(job, pods),
  );
  const source = configMapSource(modelVersion.spec.source.uri);
  const refused = jobs.find((state) => looksRefused(state, now));
  const refusal = refused && (await client.lastWarning(namespace, refused.job.metadata.uid ?? ''));
  const verifications = [...caches.jobs.values()].filter((job) => isVerification(job, caches));
  return {
    modelVersion,
    jobs,
    orphans,
    now,
    users: usersOf(modelVersion, caches),
    sourceExists: source === undefined || caches.configMapMetadata.get(namespace, source.name) !== undefined,
    slots: verificationSlots(namespace, verifications, namespacesWithQueued(caches), now),
    ...(refusal !== undefined && { refusal: withoutPodSuffix(refusal) }),
  };
}

function namespacesWithQueued({ modelVersions }: Caches): string[] {
  return modelVersions
    .byIndex(indexKey.verification)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.namespace ?? '');
}

/** A Job that a ModelVersion controls. A Job that only has the labels of one takes no slot. */
function isVerification(job: KubeObject, { modelVersions }: Caches): boolean {
  const controller = controllerOf(job);
  if (!controller) return false;
  return modelVersions.get(job.metadata.namespace ?? '', controller.name)?.metadata.uid === controller.uid;
}

/** Names of the pipelines that name a ModelVersion, and of those whose pods still load it. */
function usersOf({ metadata: { namespace = '', name } }: ModelVersion, { pipelines, deployments }: Caches): string[] {
  const key = indexKey.modelVersion(namespace, name);
  const naming = pipelines
    .byIndex(key)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
  const loading = deployments.byIndex(key).flatMap(({ metadata }) => metadata.labels?.[LABEL.pipeline] ?? []);
  return [...new Set([...naming, ...loading])].sort();
}
