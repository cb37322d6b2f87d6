/** What the cluster says of a pipeline that may have no pods: its EndpointSlices and its conditions. */
import type { Cache } from '@penstock/kube/cache/cache';
import { joinKey, type Key } from '@penstock/kube/api/keys';
import { controllerOf } from '@penstock/kube/api/objects';
import { ignoreNotFound } from '@penstock/kube/api/status';
import type { KubeClient } from '@penstock/kube/client/client';
import { parseActivation, type Activation } from '../api/activation.ts';
import { activatorPort, creationOrder, isActivatorSlice, readyAddresses, type Slice } from '../api/endpointSlices.ts';
import { KIND } from '../api/kinds.ts';
import { ANNOTATION, indexKey } from '../api/labels.ts';
import { CONDITION, isFinal } from '../api/reasons.ts';
import type { InferencePipeline } from '../api/types.gen.ts';

/** Where the requests of a pipeline can go now. */
export interface Backends {
  activation: Activation;
  /** Addresses and port of the pods that the Service selects and that are Ready. */
  pods: string[];
  port: number;
  /** How many activators share the pipeline's requests. */
  activators: number;
}

/** Whether the pipeline can serve, and why not. */
export interface Availability {
  available: boolean;
  reason: string;
  message: string;
  /** Waiting does not help. */
  final: boolean;
}

export interface Found {
  /** Undefined when an older pipeline has the port. */
  port?: number;
  backends: Backends;
}

/** What the EndpointSlices say of a pipeline; undefined when it has none of the activator. */
export function backendsOf(slices: Cache<Slice>, namespace: string, name: string): Found | undefined {
  const all = slices.byIndex(indexKey.service(namespace, name));
  const own = all.find((slice) => isActivatorSlice(slice) && ownerKey(slice) === joinKey(namespace, name));
  if (!own) return undefined;
  const port = activatorPort(own);
  const activation = parseActivation(own.metadata.annotations?.[ANNOTATION.activation]);
  if (!activation || port === undefined) return undefined;
  const isTaken = slices.byIndex(indexKey.port(port)).some((other) => creationOrder(other) < creationOrder(own));
  const service = all.filter((slice) => !isActivatorSlice(slice));
  const backends = {
    activation,
    pods: service.flatMap(readyAddresses),
    port: service[0]?.ports?.[0]?.port ?? 0,
    activators: readyAddresses(own).length,
  };
  return { ...(!isTaken && { port }), backends };
}

/** The pipeline that controls a slice; any account could set the labels. */
function ownerKey(slice: Slice): Key | undefined {
  const owner = controllerOf(slice);
  return owner?.kind === KIND.pipeline.kind ? joinKey(slice.metadata.namespace ?? '', owner.name) : undefined;
}

/** The condition Available of a pipeline. */
export async function availabilityOf(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
): Promise<Availability | 'gone'> {
  const pipeline = await client.get<InferencePipeline>(KIND.pipeline, namespace, name).catch(ignoreNotFound);
  if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) return 'gone';
  const found = pipeline.status?.conditions?.find(({ type }) => type === CONDITION.available);
  if (!found) return { available: false, reason: 'Unknown', message: '', final: false };
  const { status, reason, message, observedGeneration } = found;
  const available = status === 'True';
  const isCurrent = observedGeneration === pipeline.metadata.generation;
  return { available, reason, message, final: !available && isCurrent && isFinal(reason) };
}
