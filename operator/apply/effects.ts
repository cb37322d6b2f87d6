/** Writes beside server-side apply: adoption, replica counts, the mark of an abandoned revision, the nudge of pods. */
import { ignoreNotFound, hasStatus, Outdated } from '../api/flow.ts';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import { apiPath, KIND, kindOf } from '../api/kinds.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject, OwnerReference, Stored } from '../api/objects.ts';
import type { LiveRevision, Plan, TrafficSwitch } from '../api/plan.ts';
import { isReady } from '../api/pods.ts';
import { formatFailure } from '../api/record.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Kube } from '../kube/kube.ts';

export type Effects = Pick<Kube, 'cached' | 'cacheWrite'> & {
  client: Pick<KubeClient, 'scale' | 'patchMetadata' | 'get' | 'list'>;
};

/** Gives children back the owner reference that somebody took off them. */
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

/**
 * Sets the counts that are ours to set: never through the Deployment itself, so that no edit of it can drop a replica.
 * Fewer pods are asked for only if nobody has touched the Deployment since it was seen: a stale look never takes one away.
 */
export async function setReplicas(live: LiveRevision[], { metadata }: KubeObject, kube: Effects): Promise<void> {
  for (const { revision, scaleTo, autoscaled } of live) {
    if (scaleTo === undefined) continue;
    const deployment = kube.cached({
      ...KIND.deployment,
      metadata: { name: revision.name, namespace: metadata.namespace ?? '' },
    }) as (KubeObject & { spec?: { replicas?: number } }) | undefined;
    const now = deployment?.spec?.replicas;
    if (!deployment || now === undefined || now === scaleTo) continue;
    const { resourceVersion, ...seen } = deployment.metadata;
    const exact = scaleTo < now || autoscaled;
    const scaled = await kube.client.scale(exact ? deployment.metadata : seen, scaleTo);
    // Only of an object that nobody has touched since do we know what it is now.
    if (exact)
      kube.cacheWrite({
        ...deployment,
        metadata: { ...deployment.metadata, resourceVersion: scaled.metadata.resourceVersion! },
        spec: { ...deployment.spec, replicas: scaleTo },
      } as KubeObject);
  }
}

/**
 * Asks the server itself before traffic moves: the switch is the one step that a stale look could make an outage of.
 * Throws Outdated when the newcomer has fewer Ready pods than the cache says, and the other one serves.
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
    .catch(ignoreNotFound); // one that never served may be gone: its successor is made in this reconcile
  if (Math.min(await ready(to), deployment?.spec?.replicas ?? 0) >= size || (await ready(from)) === 0) return;
  throw new Outdated(`revision ${to} has fewer than ${size} Ready pods, and ${from} serves`);
}

/** Marks a revision as given up on its own ConfigMap, where a restarted operator finds it. */
export async function markFailed({ revision, failure }: NonNullable<Plan['failing']>, kube: Effects): Promise<void> {
  if (!revision.configMap) throw new Outdated(`ConfigMap ${revision.name} has not come back yet`);
  kube.cacheWrite(
    await kube.client.patchMetadata(KIND.configMap, revision.configMap.metadata, {
      annotations: {
        [ANNOTATION.abandoned]: formatFailure(failure),
        ...(failure.detail !== undefined && { [ANNOTATION.failureDetail]: failure.detail }),
      },
    }),
  );
}

/** Annotates each running pod that has not been told of this table: the write makes its kubelet refresh the mount at once and not within a minute. */
export async function refreshPodMounts(pods: Stored<Pod>[], table: string, kube: Effects): Promise<void> {
  const untold = pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.phase === 'Running' &&
      metadata.annotations?.[ANNOTATION.traffic] !== table,
  );
  await Promise.all(
    untold.map(async ({ metadata }) => {
      await kube.client
        .patchMetadata(KIND.pod, metadata, { annotations: { [ANNOTATION.traffic]: table } })
        .catch((error: unknown) => {
          if (!hasStatus(error, 404, 409)) throw error; // the pod went away meanwhile
        });
    }),
  );
}
