/**
 * The activator's EndpointSlice, through which the stable Service reaches the activator while there are no pods (DESIGN
 * §6).
 */
import { SCHEMA_VERSION } from '@penstock/contract';
import { ACTIVATOR_ROLE, DEFAULT_COLD_START_TIMEOUT_MS, type Activation } from '../api/activation.ts';
import type { Slice } from '../api/endpointSlices.ts';
import { ANNOTATION, LABEL, MANAGED_BY, SLICE_LABEL } from '../api/labels.ts';
import type { ActivatorRoute } from '../api/plan.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationMs } from '../api/units.ts';
import { canonical } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';

/** It stays while pods serve, then without addresses, so that the activator listens before it is needed. */
export function activatorSlice(
  pipeline: InferencePipeline,
  { port, addresses, addressType }: ActivatorRoute,
  activation: Activation,
): Slice {
  const { name } = pipeline.metadata;
  const labels = {
    [LABEL.pipeline]: name,
    [LABEL.role]: ACTIVATOR_ROLE,
    [SLICE_LABEL.service]: names.service(name),
    [SLICE_LABEL.managedBy]: MANAGED_BY,
  };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...childMeta(pipeline, names.activator(name), labels),
      annotations: { [ANNOTATION.activation]: canonical(activation) },
    },
    addressType,
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'http', port, protocol: 'TCP', appProtocol: 'http' }],
  };
}

export function activationOf(
  revision: string,
  { auth, requestTimeout, coldStartTimeout, maxConcurrentRequests, exposeErrors }: Effective,
  keyHashes: string[],
): Activation {
  return {
    schemaVersion: SCHEMA_VERSION,
    revision,
    auth,
    keyHashes,
    requestTimeoutMs: durationMs(requestTimeout),
    coldStartTimeoutMs: coldStartTimeout === undefined ? DEFAULT_COLD_START_TIMEOUT_MS : durationMs(coldStartTimeout),
    maxConcurrentRequests,
    exposeErrors,
  };
}
