/** Reads Services and their EndpointSlices. */
import type { Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { ACTIVATOR_PORTS, ACTIVATOR_ROLE } from './activation.ts';
import { LABEL } from './labels.ts';
import type { Stored } from '@penstock/kube/api/objects';

export type Slice = Stored<EndpointSlice>;

/** The name of the revision that the Service selects. */
export const selectedRevision = (service: Stored<Service> | undefined): string | undefined =>
  service?.spec?.selector?.[LABEL.revision];

export const isActivatorSlice = ({ metadata }: Slice): boolean => metadata.labels?.[LABEL.role] === ACTIVATOR_ROLE;

/** The addresses of Ready endpoints, to which kube-proxy may send a request. */
export const readyAddresses = ({ endpoints }: Slice): string[] =>
  ((endpoints as EndpointSlice['endpoints'] | null) ?? [])
    .filter(({ conditions }) => conditions?.ready === true && conditions.terminating !== true)
    .flatMap(({ addresses }) => addresses.slice(0, 1));

/** Whether one of the slices has a Ready endpoint. */
export const hasReadyEndpoints = (slice: Slice): boolean => readyAddresses(slice).length > 0;

/**
 * Orders slices by creation time, then by name. All readers use this order: of two slices with the same port, the older
 * one has it.
 */
export const creationOrder = ({ metadata }: Slice): string =>
  `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;

/** The activator's port of an EndpointSlice. Undefined for a slice without a port in the activator's range. */
export function activatorPort({ ports }: Slice): number | undefined {
  const port = ports?.[0]?.port;
  return port !== undefined && port >= ACTIVATOR_PORTS.first && port < ACTIVATOR_PORTS.first + ACTIVATOR_PORTS.count
    ? port
    : undefined;
}
