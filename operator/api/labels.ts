/** Labels, annotations and the field managers under which Penstock writes. */
import type { ObjectMeta } from '@penstock/kube/api/objects';

export const LABEL = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  pipeline: 'penstock.dev/pipeline',
  revision: 'penstock.dev/revision',
  modelVersion: 'penstock.dev/modelversion',
  attempt: 'penstock.dev/attempt',
  /** On a ConfigMap: `revision` or `traffic`. On an EndpointSlice: `activator`. */
  role: 'penstock.dev/role',
} as const;

export const MANAGED_BY = 'penstock';
export const MANAGED_SELECTOR = `${LABEL.managedBy}=${MANAGED_BY}`;

/** The labels that the chart gives to the activator's pods. */
export const ACTIVATOR_SELECTOR = `${LABEL.name}=penstock,app.kubernetes.io/component=activator`;

export const ANNOTATION = {
  /**
   * The hash of the desired child that was last applied. A different hash means that the child must be applied again.
   */
  applied: 'penstock.dev/applied',
  /** On a revision's Deployment: the revision's record as JSON, from which a deleted ConfigMap is restored. */
  record: 'penstock.dev/record',
  /**
   * On a candidate's Deployment that gets its pods in steps: their number before, and the time of the last step (JSON).
   */
  stepwise: 'penstock.dev/stepwise',
  /** On a revision's ConfigMap: why the revision failed for good, as "Reason: message". */
  abandoned: 'penstock.dev/abandoned',
  /**
   * On a revision's ConfigMap: the rest of the termination message of a failed revision, usually a stack (at most 4
   * KiB).
   */
  failureDetail: 'penstock.dev/failure-detail',
  /**
   * On a pod: the hash of the traffic table that the pod should read. The write makes the kubelet refresh the pod's
   * volumes.
   */
  traffic: 'penstock.dev/traffic',
  /** On the activator's EndpointSlice: {@link Activation} as JSON. */
  activation: 'penstock.dev/activation',
  /** On a pipeline: a new value makes a new revision of the same spec. */
  restartedAt: 'penstock.dev/restartedAt',
  /** On a pipeline, `true`: it gets a new scorer image by a rollout. */
  refreshScorer: 'penstock.dev/refreshScorer',
  /** On a pipeline, `true`: its key Secret is deleted together with it. */
  deleteKeys: 'penstock.dev/deleteKeys',
} as const;

export const FIELD_MANAGER = { objects: 'penstock', status: 'penstock-status', scale: 'penstock-scale' } as const;

/** Kubernetes' labels for the Service of an EndpointSlice and for the controller that manages it. */
export const SLICE_LABEL = {
  service: 'kubernetes.io/service-name',
  managedBy: 'endpointslice.kubernetes.io/managed-by',
} as const;

type OwnerLabel = typeof LABEL.pipeline | typeof LABEL.modelVersion;

/** Functions that build the index keys of the caches. */
export const indexKey = {
  modelVersion: (namespace: string, name: string): string => `modelversion ${namespace}/${name}`,
  configMap: (namespace: string, name: string): string => `configmap ${namespace}/${name}`,
  verification: 'verification',
  service: (namespace: string, name: string): string => `service ${namespace}/${name}`,
  port: (port: number): string => `activator port ${port}`,
} as const;

/**
 * The index key of a child with a controller reference: its namespace and the controller's uid. The namespace is part
 * of the key because an object of another namespace can name any uid.
 */
export const ownerIndexKey = ({ namespace = '', uid = '' }: ObjectMeta): string => `owner ${namespace}/${uid}`;

/** The index key of a child without a controller reference: the owner that its labels name. */
export const orphanIndexKey = (namespace: string, label: OwnerLabel, name: string): string =>
  `orphan ${label}=${namespace}/${name}`;

/** The index key of a pod by the owner that its labels name; its controller is a ReplicaSet or a Job. */
export const podOwnerIndexKey = (namespace: string, label: OwnerLabel, name: string): string =>
  `${label}=${namespace}/${name}`;
