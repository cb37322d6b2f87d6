/**
 * Who serves the metrics API of the cluster, and what the operator does about it (DESIGN §6). A cluster has one
 * APIService per group and version, and one without a backend blocks the deletion of every namespace. So the operator
 * registers only when no other adapter has, and removes its registration as soon as one does.
 */
import type { KubeObject, OwnerReference } from '@penstock/kube/api/objects';
import { KIND } from '../api/kinds.ts';
import { GROUP, VERSION } from './answers.ts';
import type { MetricsService } from './identity.ts';

export interface ApiService extends KubeObject {
  spec?: {
    group?: string;
    version?: string;
    service?: MetricsService & { port?: number };
    caBundle?: string;
    groupPriorityMinimum?: number;
    versionPriority?: number;
  };
}

/**
 * `auto`: register if no other adapter serves the group. `true`: also beside an adapter that serves another version.
 */
export type RegistrationMode = 'auto' | 'true';

export interface Registration {
  /** namespace/name of the Service that serves the group; undefined if it is ours or no Service is registered. */
  takenBy?: string;
  /** Our registration, to be deleted. */
  withdraw?: ApiService;
  /** Another adapter's registration that still has our owner reference, so that helm uninstall would delete it. */
  disown?: ApiService;
}

export const NAME = `${VERSION}.${GROUP}`;

/** Whether an APIService names our Service. */
export const isOurs = ({ spec }: ApiService, service: MetricsService): boolean =>
  spec?.service?.namespace === service.namespace && spec.service.name === service.name;

/** What follows from the APIServices of the cluster. */
export function registrationOf(
  all: Iterable<ApiService>,
  service: MetricsService,
  owner: OwnerReference,
  mode: RegistrationMode,
): Registration {
  const group = [...all].filter(({ spec }) => spec?.group === GROUP);
  const mine = group.find((one) => one.metadata.name === NAME && isOurs(one, service));
  const others = group.filter((one) => !isOurs(one, service) && (mode === 'auto' || one.metadata.name === NAME));
  const disown = others.find(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.uid));
  if (others.length === 0) return {};
  const { spec, metadata } = others[0]!;
  const takenBy = spec?.service ? `${spec.service.namespace}/${spec.service.name}` : metadata.name;
  return { takenBy, ...(mine && { withdraw: mine }), ...(disown && { disown }) };
}

/**
 * The APIService for our Service. Its owner is the chart's ClusterRole, because a cluster-scoped object cannot have a
 * namespaced owner.
 */
export const apiService = (service: MetricsService, owner: OwnerReference, ca: string): ApiService => ({
  apiVersion: KIND.apiService.apiVersion,
  kind: KIND.apiService.kind,
  metadata: { name: NAME, ownerReferences: [owner] },
  spec: {
    group: GROUP,
    version: VERSION,
    service: { ...service, port: 443 },
    caBundle: Buffer.from(ca).toString('base64'),
    groupPriorityMinimum: 100,
    versionPriority: 200,
  },
});

/** The message in the condition ScalingActive when another adapter serves the group. */
export const takenMessage = (by: string): string =>
  `metrics API held by ${by}: set metricsApi.enabled=false and have it serve pods/penstock_concurrency, or scale on CPU (spec.scaling.metrics)`;
export const OFF_MESSAGE =
  'this operator serves no metrics API (metricsApi.enabled): switch it on, or scale on CPU (spec.scaling.metrics)';
