/** The index keys of cached objects: their owners, and what they use. */
import { configMapSource } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { activatorPort, isActivatorSlice, type Slice } from '../api/endpointSlices.ts';
import { KIND } from '../api/kinds.ts';
import { LABEL, orphanIndexKey, ownerIndexKey, podOwnerIndexKey, SLICE_LABEL, indexKey } from '../api/labels.ts';
import { controllerOf, type KubeObject, type Stored } from '@penstock/kube/api/objects';
import { recordOf } from '../api/record.ts';
import { REASON } from '../api/reasons.ts';
import { locksOf } from '../api/locks.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';

const OWNER_LABELS = [LABEL.pipeline, LABEL.modelVersion] as const;

/** A child: namespace and uid of its controller. Where the owner reference was removed: the owner in its labels. */
export function ownerKeys(object: KubeObject): string[] {
  const { namespace = '', labels = {} } = object.metadata;
  const controller = controllerOf(object);
  if (controller) return [ownerIndexKey({ name: controller.name, namespace, uid: controller.uid })];
  return OWNER_LABELS.flatMap((label) =>
    labels[label] === undefined ? [] : [orphanIndexKey(namespace, label, labels[label])],
  );
}

/** A pod: the pipeline or ModelVersion in its labels, because its controller is a ReplicaSet or a Job. */
export function podOwnerKeys({ metadata: { namespace = '', labels = {} } }: KubeObject): string[] {
  return OWNER_LABELS.flatMap((label) =>
    labels[label] === undefined ? [] : [podOwnerIndexKey(namespace, label, labels[label])],
  );
}

/** A Deployment: its owner, and the ModelVersions that its pods load. */
export function deploymentKeys(deployment: Stored<Deployment>): string[] {
  const models = recordOf(deployment.metadata)?.models ?? [];
  return [
    ...ownerKeys(deployment),
    ...models.map(({ modelVersion }) => indexKey.modelVersion(deployment.metadata.namespace ?? '', modelVersion)),
  ];
}

/**
 * An EndpointSlice: its Service. A slice of the activator: also its owner, and its port if a pipeline controls it. A
 * label is no proof, because Kubernetes copies the labels of any Service to its slices.
 */
export function endpointSliceKeys(slice: Slice): string[] {
  const { namespace = '', labels = {} } = slice.metadata;
  const service = indexKey.service(namespace, labels[SLICE_LABEL.service] ?? '');
  const port = controllerOf(slice)?.kind === KIND.pipeline.kind ? activatorPort(slice) : undefined;
  return isActivatorSlice(slice)
    ? [service, ...ownerKeys(slice), ...(port === undefined ? [] : [indexKey.port(port)])]
    : [service];
}

/** A pipeline: the ModelVersions and the ConfigMaps that its spec names. */
export function pipelineKeys({ metadata: { namespace = '' }, spec }: InferencePipeline): string[] {
  const { scoring, models = [] } = spec;
  const references = [scoring?.scriptFrom, ...locksOf(spec).map(({ from }) => from)];
  const configMaps = new Set(references.flatMap((reference) => reference?.configMap.name ?? []));
  return [
    ...models.map(({ modelVersion }) => indexKey.modelVersion(namespace, modelVersion)),
    ...[...configMaps].map((name) => indexKey.configMap(namespace, name)),
  ];
}

/** A ModelVersion: the ConfigMap of its source, and whether it waits for a verification slot. */
export function modelVersionKeys({ metadata: { namespace = '' }, spec, status }: ModelVersion): string[] {
  const configMap = configMapSource(spec.source.uri)?.name;
  const waits = status?.conditions?.some(({ reason }) => reason === REASON.queued);
  return [
    ...(configMap === undefined ? [] : [indexKey.configMap(namespace, configMap)]),
    ...(waits ? [indexKey.verification] : []),
  ];
}
