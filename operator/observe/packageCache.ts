/** The claim in which the chart keeps installed packages, in the namespace of a pipeline. */
import { ignoreNotFound } from '@penstock/kube/api/status';
import { KIND } from '../api/kinds.ts';
import type { Script } from '../api/observed.ts';
import type { ObserveDeps } from './deps.ts';

/** Whether a pod of this script may mount the claim: a pod whose claim does not exist would never start. */
export async function hasPackageCache(
  namespace: string,
  script: Script | undefined,
  { kube, config }: Pick<ObserveDeps, 'kube' | 'config'>,
): Promise<boolean> {
  const claim = config.python.cacheClaim;
  if (claim === undefined || script?.requirements === undefined) return false;
  return (await kube.client.get(KIND.persistentVolumeClaim, namespace, claim).catch(ignoreNotFound)) !== undefined;
}
