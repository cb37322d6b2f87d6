/**
 * Whether the metrics API of the cluster is ours, and what to do about it (DESIGN §6). An APIService without a backend
 * hangs the deletion of any namespace, and the group is a singleton of the cluster: so it is taken only when vacant,
 * and given back at once.
 */
import type { KubeObject, OwnerReference } from '../api/objects.ts';
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

/** `auto`: when vacant; `true`: beside another version of somebody else's, too. */
export type RegistrationMode = 'auto' | 'true';

export interface Registration {
  /** Serves: ours, or about to be. Else who has it. */
  takenBy?: string;
  /** Ours, that has to go. */
  withdraw?: ApiService;
  /** Somebody else's by now, that still carries our owner reference: it would go with our release. */
  disown?: ApiService;
}

export const NAME = `${VERSION}.${GROUP}`;

/** Whether it makes the aggregator ask the Service of ours. */
export const isOurs = ({ spec }: ApiService, service: MetricsService): boolean =>
  spec?.service?.namespace === service.namespace && spec.service.name === service.name;

/** What the APIServices of the cluster mean for us. */
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

/** The APIService that makes the aggregator ask us. Its owner is the chart's ClusterRole: a namespaced owner would never be collected. */
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

/** What a user reads who wants to scale on concurrency, and cannot. */
export const takenMessage = (by: string): string =>
  `metrics API held by ${by}: set metricsApi.enabled=false and have it serve pods/penstock_concurrency, or scale on CPU (spec.scaling.metrics)`;
export const OFF_MESSAGE =
  'this operator serves no metrics API (metricsApi.enabled): switch it on, or scale on CPU (spec.scaling.metrics)';
