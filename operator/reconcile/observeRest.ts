/** What is known of a pipeline that may have no pods: who would take its requests, and whether its pods have anything to do. */
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import { ACTIVATOR_SYNC_MS } from '../api/activation.ts';
import { activatorPort, isActivatorSlice, hasReadyEndpoints, selectedRevision } from '../api/endpointSlices.ts';
import { joinKey } from '../api/flow.ts';
import { LABEL, indexKey } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { ObservedPipeline } from '../api/observed.ts';
import { addressesOf, isTerminated, isReady, readySince } from '../api/pods.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { canScaleToZero } from '../desired/effective.ts';
import { names } from '../desired/names.ts';
import type { Deps } from './deps.ts';

type Seen = { pods: Stored<Pod>[]; service: Stored<Service> | undefined; autoscaled: boolean; now: number };

/** Nothing, of a pipeline that always has pods and always had some. */
export async function observeRest(
  pipeline: InferencePipeline,
  seen: Seen,
  { kube: { caches }, ports, scorers }: Deps,
): Promise<Pick<ObservedPipeline, 'activator' | 'idle'>> {
  const { namespace = '', name } = pipeline.metadata;
  const sleeper = canScaleToZero(pipeline);
  const slice = caches.endpointSlices.get(namespace, names.activator(name));
  if (!sleeper && !slice) return {};
  const addresses = addressesOf(caches.activators.values());
  const port = slice || addresses.length > 0 ? ports.port(joinKey(namespace, name)) : undefined;
  const idle = sleeper ? await idleness(seen, scorers) : undefined;
  return {
    activator: {
      ...(port !== undefined && { port }),
      addresses,
      addressType: slice?.addressType === 'IPv6' || (!slice && addresses[0]?.includes(':')) ? 'IPv6' : 'IPv4',
      serviceReady: caches.endpointSlices
        .byIndex(indexKey.service(namespace, names.service(name)))
        .some((one) => !isActivatorSlice(one) && hasReadyEndpoints(one)),
      synced:
        slice !== undefined &&
        activatorPort(slice) === port &&
        seen.now - Date.parse(slice.metadata.creationTimestamp ?? '') >= ACTIVATOR_SYNC_MS,
    },
    ...(idle && { idle }),
  };
}

/** Asked of the pods that serve, once all of them are Ready; with more than one that is the autoscaler's to find out, where there is one. */
async function idleness(
  { pods, service, autoscaled, now }: Seen,
  scorers: Deps['scorers'],
): Promise<ObservedPipeline['idle']> {
  const revision = selectedRevision(service);
  const serving = pods.filter(
    (pod) =>
      pod.metadata.labels?.[LABEL.revision] === revision &&
      pod.metadata.deletionTimestamp === undefined &&
      !isTerminated(pod),
  );
  if (revision === undefined || serving.length === 0 || (serving.length > 1 && autoscaled) || !serving.every(isReady))
    return undefined;
  const said = await scorers.idleness(serving);
  const readyFor = Math.min(...serving.map((pod) => (now - readySince(pod)) / 1000)); // the start of a pod is not idleness, whatever its scorer says
  return 'seconds' in said ? { revision, seconds: Math.min(said.seconds, readyFor) } : { revision, ...said };
}
