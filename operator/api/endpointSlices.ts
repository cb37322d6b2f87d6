/** What is read off a Service and its EndpointSlices. */
import type { Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { ACTIVATOR_PORTS, ACTIVATOR_ROLE } from './activation.ts';
import { LABEL } from './labels.ts';
import type { Stored } from './objects.ts';

export type Slice = Stored<EndpointSlice>;

/** The revision whose pods the Service leads to. */
export const selectedRevision = (service: Stored<Service> | undefined): string | undefined =>
  service?.spec?.selector?.[LABEL.revision];

export const isActivatorSlice = ({ metadata }: Slice): boolean => metadata.labels?.[LABEL.role] === ACTIVATOR_ROLE;

/** Addresses to which the Service may send a request. */
export const readyAddresses = ({ endpoints }: Slice): string[] =>
  ((endpoints as EndpointSlice['endpoints'] | null) ?? [])
    .filter(({ conditions }) => conditions?.ready === true && conditions.terminating !== true)
    .flatMap(({ addresses }) => addresses.slice(0, 1));

/** Whether anybody is there. */
export const hasReadyEndpoints = (slice: Slice): boolean => readyAddresses(slice).length > 0;

/** Orders slices by when they were made, the same for whoever looks: of two that name one port, the older has it. */
export const creationOrder = ({ metadata }: Slice): string =>
  `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;

/** The activator's port in a slice of its own; undefined when it has none that could be one. */
export function activatorPort({ ports }: Slice): number | undefined {
  const port = ports?.[0]?.port;
  return port !== undefined && port >= ACTIVATOR_PORTS.first && port < ACTIVATOR_PORTS.first + ACTIVATOR_PORTS.count
    ? port
    : undefined;
}
