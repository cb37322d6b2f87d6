/** Writes beside server-side apply: replica counts, the mark of an abandoned revision, the nudge of pods. */
import { answered } from '../api/flow.ts';
import { ANNOTATION } from '../api/labels.ts';
import { KIND } from '../api/kinds.ts';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { KubeObject, Stored } from '../api/objects.ts';
import type { Revision } from '../api/observed.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Kube } from '../kube/kube.ts';

export type Effects = Pick<Kube, 'child' | 'remember'> & { client: Pick<KubeClient, 'scale' | 'annotate'> };

/** Sets the counts that are ours to set: never through the Deployment itself, so that no edit of it can drop a replica. */
export async function setCounts(live: { revision: Revision; scaleTo?: number }[], { metadata }: KubeObject, kube: Effects): Promise<void> {
  for (const { revision, scaleTo } of live) {
    if (scaleTo === undefined) continue;
    const deployment = kube.child({ ...KIND.deployment, metadata: { name: revision.name, namespace: metadata.namespace ?? '' } }) as (KubeObject & { spec?: { replicas?: number } }) | undefined;
    if (deployment?.spec?.replicas !== scaleTo) await kube.client.scale(metadata.namespace ?? '', revision.name, scaleTo);
  }
}

/** Marks a revision as given up on its own ConfigMap, where a restarted operator finds it. */
export async function writeAbandoned({ revision, failure }: { revision: Revision; failure: { reason: string; message: string } }, kube: Effects): Promise<void> {
  if (!revision.configMap) return;
  kube.remember(await kube.client.annotate(KIND.configMap, revision.configMap.metadata, { [ANNOTATION.abandoned]: `${failure.reason}: ${failure.message}` }));
}

/** Annotates each running pod that has not been told of this table: the write makes its kubelet refresh the mount at once and not within a minute. */
export async function nudge(pods: Stored<Pod>[], table: string, kube: Effects): Promise<void> {
  const untold = pods.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === 'Running' && metadata.annotations?.[ANNOTATION.traffic] !== table);
  await Promise.all(untold.map(async ({ metadata }) => {
    await kube.client.annotate(KIND.pod, metadata, { [ANNOTATION.traffic]: table }).catch((error: unknown) => {
      if (!answered(error, 404, 409)) throw error; // the pod went away meanwhile
    });
  }));
}
