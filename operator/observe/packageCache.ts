/** The claim in which the chart keeps installed packages, in the namespace of a pipeline. */
import { ignoreNotFound } from '@penstock/kube/api/status';
import type { KubeObject } from '@penstock/kube/api/objects';
import { KIND } from '../api/kinds.ts';
import type { Script } from '../api/observed.ts';
import type { ObserveDeps } from './deps.ts';

type PersistentVolumeClaim = KubeObject & { status?: { phase?: string } };

/**
 * Whether a pod of this script may mount the claim: a pod whose claim does not exist, or is being deleted, never
 * starts.
 */
export async function hasPackageCache(
  namespace: string,
  script: Script | undefined,
  { kube, config }: Pick<ObserveDeps, 'kube' | 'config'>,
): Promise<boolean> {
  const claim = config.python.cacheClaim;
  if (claim === undefined || script?.requirements === undefined) return false;
  const found = await kube.client
    .get<PersistentVolumeClaim>(KIND.persistentVolumeClaim, namespace, claim)
    .catch(ignoreNotFound);
  return found !== undefined && found.metadata.deletionTimestamp === undefined && found.status?.phase !== 'Lost';
}
