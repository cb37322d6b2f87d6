/** What is known of a pipeline that may have no pods: the activators, and how long its pods have been idle. */
import type { Pod, Service } from 'kubernetes-types/core/v1.js';
import { ACTIVATOR_SYNC_MS } from '../api/activation.ts';
import {
  activatorPort,
  hasReadyEndpoints,
  isActivatorSlice,
  selectedRevision,
  type Slice,
} from '../api/endpointSlices.ts';
import { objectKey } from '@penstock/kube/api/keys';
import { indexKey, LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { ObservedPipeline } from '../api/observed.ts';
import { addressesOf, isReady, isTerminated, readySince } from '@penstock/kube/api/pods';
import type { InferencePipeline } from '../api/types.gen.ts';
import { canScaleToZero } from '../desired/effective.ts';
import { names } from '../desired/names.ts';
import type { Caches } from '../caches/kube.ts';
import type { ObserveDeps } from './deps.ts';

interface Seen {
  pods: Stored<Pod>[];
  service: Stored<Service> | undefined;
  autoscaled: boolean;
  now: number;
}

/** Nothing for a pipeline that always has pods and has no EndpointSlice of the activator. */
export async function observeScaleToZero(
  pipeline: InferencePipeline,
  seen: Seen,
  { kube: { caches }, ports, scorers }: ObserveDeps,
): Promise<Pick<ObservedPipeline, 'activator' | 'idle'>> {
  const { namespace = '', name } = pipeline.metadata;
  const slice = caches.endpointSlices.get(namespace, names.activator(name));
  if (!canScaleToZero(pipeline) && !slice) return {};
  const addresses = addressesOf(caches.activators.values());
  const port = slice || addresses.length > 0 ? ports.port(objectKey(pipeline)) : undefined;
  return {
    activator: {
      ...(port !== undefined && { port }),
      addresses,
      addressType: addressType(slice, addresses),
      serviceReady: serviceReady(caches, namespace, names.service(name)),
      synced: isSynced(slice, port, seen.now),
    },
    idle: canScaleToZero(pipeline) ? await idleness(seen, scorers) : undefined,
  };
}

/** The type of an existing slice is immutable. */
function addressType(slice: Slice | undefined, addresses: string[]): 'IPv4' | 'IPv6' {
  if (slice) return slice.addressType === 'IPv6' ? 'IPv6' : 'IPv4';
  return addresses[0]?.includes(':') ? 'IPv6' : 'IPv4';
}

const serviceReady = ({ endpointSlices }: Caches, namespace: string, service: string): boolean =>
  endpointSlices
    .byIndex(indexKey.service(namespace, service))
    .some((slice) => !isActivatorSlice(slice) && hasReadyEndpoints(slice));

/** The activator has seen this port for long enough to listen on it. */
const isSynced = (slice: Slice | undefined, port: number | undefined, now: number): boolean =>
  slice !== undefined &&
  activatorPort(slice) === port &&
  now - Date.parse(slice.metadata.creationTimestamp ?? '') >= ACTIVATOR_SYNC_MS;

/**
 * Reads the idleness of the pods that serve, once all of them are Ready. While an autoscaler runs several pods, it
 * first scales down to one.
 */
async function idleness(
  { pods, service, autoscaled, now }: Seen,
  scorers: ObserveDeps['scorers'],
): Promise<ObservedPipeline['idle']> {
  const revision = selectedRevision(service);
  const serving = pods.filter(
    (pod) =>
      pod.metadata.labels?.[LABEL.revision] === revision &&
      pod.metadata.deletionTimestamp === undefined &&
      !isTerminated(pod),
  );
  if (revision === undefined || serving.length === 0 || (serving.length > 1 && autoscaled)) return undefined;
  if (!serving.every(isReady)) return undefined;
  const idle = await scorers.idleness(serving);
  if ('unansweredSeconds' in idle) return { revision, ...idle };
  // A pod that has just become Ready is not idle since its process started.
  const readyFor = Math.min(...serving.map((pod) => (now - readySince(pod)) / 1000));
  return { revision, seconds: Math.min(idle.seconds, readyFor) };
}
