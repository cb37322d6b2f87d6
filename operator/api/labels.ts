/** Labels, annotations and the field managers under which Penstock writes. */
import type { ObjectMeta } from './objects.ts';

export const LABEL = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  pipeline: 'penstock.dev/pipeline',
  revision: 'penstock.dev/revision',
  modelVersion: 'penstock.dev/modelversion',
  attempt: 'penstock.dev/attempt',
  /** What a ConfigMap of ours holds, `revision` or `traffic`; or that an EndpointSlice is the activator's. */
  role: 'penstock.dev/role',
} as const;

export const MANAGED_BY = 'penstock';
export const MANAGED_SELECTOR = `${LABEL.managedBy}=${MANAGED_BY}`;

/** The activator's pods, by the labels that the chart gives them. */
export const ACTIVATOR_SELECTOR = `${LABEL.name}=penstock,app.kubernetes.io/component=activator`;

export const ANNOTATION = {
  /** Hash of what was last applied to this child: it differs when the wish has changed. */
  applied: 'penstock.dev/applied',
  /** On a revision's Deployment: the revision's record as JSON, should its ConfigMap be lost. */
  record: 'penstock.dev/record',
  /** On a revision's ConfigMap: why it was given up, as "Reason: message". */
  abandoned: 'penstock.dev/abandoned',
  /** On a revision's ConfigMap: what else was said when it was given up, a stack as a rule (4 KiB at the most). */
  failureDetail: 'penstock.dev/failure-detail',
  /** On a pod: hash of the traffic table it should read; the write makes the kubelet refresh its mounts. */
  traffic: 'penstock.dev/traffic',
  /** On the activator's EndpointSlice: {@link Activation} as JSON. */
  activation: 'penstock.dev/activation',
  /** On a pipeline: a new value makes a new revision of the same spec. */
  restartedAt: 'penstock.dev/restartedAt',
} as const;

export const FIELD_MANAGER = { children: 'penstock', status: 'penstock-status', scale: 'penstock-scale' } as const;

/** Labels by which Kubernetes knows the EndpointSlices of a Service, and whose they are. */
export const SLICE_LABEL = {
  service: 'kubernetes.io/service-name',
  managedBy: 'endpointslice.kubernetes.io/managed-by',
} as const;

type OwnerLabel = typeof LABEL.pipeline | typeof LABEL.modelVersion;

/** Words of the caches' indexes. */
export const indexKey = {
  modelVersion: (namespace: string, name: string): string => `modelversion ${namespace}/${name}`,
  configMap: (namespace: string, name: string): string => `configmap ${namespace}/${name}`,
  verification: 'verification',
  service: (namespace: string, name: string): string => `service ${namespace}/${name}`,
  port: (port: number): string => `activator port ${port}`,
} as const;

/** A child with a controller, by the controller's namespace, which is its own, and uid: an object of another namespace can name any uid. */
export const ownerIndexKey = ({ namespace = '', uid = '' }: ObjectMeta): string => `owner ${namespace}/${uid}`;

/** A child without a controller, by the owner that its labels tell. */
export const orphanIndexKey = (namespace: string, label: OwnerLabel, name: string): string =>
  `orphan ${label}=${namespace}/${name}`;

/** For whom a pod works, as one text: its controller is a ReplicaSet or a Job, so its labels say it. */
export const podOwnerIndexKey = (namespace: string, label: OwnerLabel, name: string): string =>
  `${label}=${namespace}/${name}`;
