/**
 * Writes beside server-side apply: owner references, replica counts, the mark of a failed revision, annotations of
 * pods.
 */
import { ignoreNotFound, hasStatus } from '@penstock/kube/api/status';
import { Outdated } from '@penstock/kube/controller/result';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import { apiPath } from '@penstock/kube/api/kinds';
import { KIND, kindOf } from '../api/kinds.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject, OwnerReference, Stored } from '@penstock/kube/api/objects';
import type { LiveRevision, Plan, TrafficSwitch } from '../api/plan.ts';
import { isReady } from '@penstock/kube/api/pods';
import { formatFailure } from '../api/record.ts';
import type { KubeClient } from '@penstock/kube/client/client';
import type { Kube } from '../caches/kube.ts';

export type Effects = Pick<Kube, 'cached' | 'cacheWrite'> & {
  client: Pick<KubeClient, 'scale' | 'patchMetadata' | 'get' | 'list'>;
};

/** Adds the owner reference to children that have lost it. */
export async function adoptOrphans(orphans: KubeObject[], owner: OwnerReference, kube: Effects): Promise<void> {
  for (const orphan of orphans) {
    const { metadata } = orphan;
    kube.cacheWrite(
      await kube.client.patchMetadata(kindOf(orphan), metadata, {
        ownerReferences: [...(metadata.ownerReferences ?? []), owner],
      }),
    );
  }
}

type Scalable = KubeObject & { spec?: { replicas?: number } };

/**
 * Sets planned replica counts through the scale subresource, never through the Deployment itself, so that no apply of
 * it changes a count. Pods are removed only if the Deployment has not changed since it was read.
 */
export async function setReplicas(live: LiveRevision[], { metadata }: KubeObject, kube: Effects): Promise<void> {
  for (const { revision, scaleTo, autoscaled } of live) {
    const reference = { name: revision.name, namespace: metadata.namespace ?? '' };
    const deployment = kube.cached({ ...KIND.deployment, metadata: reference }) as Scalable | undefined;
    const replicas = deployment?.spec?.replicas;
    if (scaleTo === undefined || !deployment || replicas === undefined || replicas === scaleTo) continue;
    await scale(deployment, scaleTo, { exact: scaleTo < replicas || autoscaled }, kube);
  }
}

/** `exact`: fails with 409 when the Deployment has changed since it was read; only then is its new version known. */
async function scale(
  deployment: Scalable,
  scaleTo: number,
  { exact }: { exact: boolean },
  kube: Effects,
): Promise<void> {
  const { resourceVersion: _, ...anyVersion } = deployment.metadata;
  const scaled = await kube.client.scale(exact ? deployment.metadata : anyVersion, scaleTo);
  if (!exact) return;
  const metadata = { ...deployment.metadata, resourceVersion: scaled.metadata.resourceVersion! };
  kube.cacheWrite({ ...deployment, metadata, spec: { ...deployment.spec, replicas: scaleTo } } as KubeObject);
}

/**
 * Reads the pods from the API server before traffic moves, because a stale cache would make this step an outage. Throws
 * Outdated when the candidate has fewer Ready pods than the cache says and the stable revision still serves.
 */
export async function confirmReadyPods(
  { from, to, size }: TrafficSwitch,
  { metadata: { namespace = '' } }: KubeObject,
  { client }: Effects,
): Promise<void> {
  const ready = async (revision: string): Promise<number> => {
    const { items } = await client.list<Stored<Pod>>(apiPath(KIND.pod, namespace), {
      labelSelector: `${LABEL.revision}=${revision}`,
    });
    return (items ?? []).filter(isReady).length;
  };
  const deployment = await client
    .get<KubeObject & { spec?: { replicas?: number } }>(KIND.deployment, namespace, to)
    .catch(ignoreNotFound); // a revision that never served may have no Deployment yet
  if (Math.min(await ready(to), deployment?.spec?.replicas ?? 0) >= size || (await ready(from)) === 0) return;
  throw new Outdated(`revision ${to} has fewer than ${size} Ready pods, and ${from} serves`);
}

/** Marks a revision as failed on its own ConfigMap, where a restarted operator finds it. */
export async function markFailed({ revision, failure }: NonNullable<Plan['failing']>, kube: Effects): Promise<void> {
  if (!revision.configMap) throw new Outdated(`ConfigMap ${revision.name} is not restored yet`);
  kube.cacheWrite(
    await kube.client.patchMetadata(KIND.configMap, revision.configMap.metadata, {
      annotations: {
        [ANNOTATION.abandoned]: formatFailure(failure),
        ...(failure.detail !== undefined && { [ANNOTATION.failureDetail]: failure.detail }),
      },
    }),
  );
}

/**
 * Annotates each running pod whose mount has another traffic table: the write makes its kubelet refresh the mount at
 * once instead of within a minute.
 */
export async function refreshPodMounts(pods: Stored<Pod>[], table: string, kube: Effects): Promise<void> {
  const outdated = pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.phase === 'Running' &&
      metadata.annotations?.[ANNOTATION.traffic] !== table,
  );
  await Promise.all(
    outdated.map(async ({ metadata }) => {
      await kube.client
        .patchMetadata(KIND.pod, metadata, { annotations: { [ANNOTATION.traffic]: table } })
        .catch((error: unknown) => {
          if (!hasStatus(error, 404, 409)) throw error; // the pod went away meanwhile
        });
    }),
  );
}
