/** Which keys a change concerns. Event handlers only enqueue keys; the reconcile finds out what to do. */
import { joinKey, type Key } from '@penstock/kube/api/keys';
import { LABEL } from '../api/labels.ts';
import type { Claimed } from '../api/observed.ts';
import { controllerOf, type KubeObject } from '@penstock/kube/api/objects';
import type { ModelVersion } from '../api/types.gen.ts';

const OWNER = { InferencePipeline: LABEL.pipeline, ModelVersion: LABEL.modelVersion } as const;

/**
 * Whether a pipeline or ModelVersion has changed in its spec, deletion, annotations, or in what another operator
 * claims. Other writes of the status do not count.
 */
export function specChanged(object: Claimed, old: Claimed | undefined): boolean {
  return (
    !old ||
    old.metadata.generation !== object.metadata.generation ||
    old.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    JSON.stringify(old.metadata.annotations) !== JSON.stringify(object.metadata.annotations) ||
    claimChanged(object, old)
  );
}

/** A first claim changes nothing for the operator that wrote it. Another one finds it in its next reconcile. */
const claimChanged = ({ status }: Claimed, { status: before }: Claimed): boolean =>
  before?.operator !== undefined && JSON.stringify(before.operator) !== JSON.stringify(status?.operator);

/**
 * Whether a ModelVersion has changed for the pipelines that use it. Ignores changes of usedBy.count other than 0 ↔ >0.
 */
export function usageChanged(object: ModelVersion, old: ModelVersion | undefined): boolean {
  const relevant = ({ metadata, status }: ModelVersion): unknown => [
    metadata.uid,
    metadata.generation,
    status?.digest,
    status?.conditions,
    (status?.usedBy?.count ?? 0) > 0,
  ];
  return !old || old === object || JSON.stringify(relevant(object)) !== JSON.stringify(relevant(old));
}

/** The key of a child's controller; where the owner reference was removed, the key in its labels. */
export function ownerKey(object: KubeObject, kind: keyof typeof OWNER): Key | undefined {
  const controller = controllerOf(object);
  if (!controller) return podOwnerKey(object, OWNER[kind]);
  return controller.kind === kind ? joinKey(object.metadata.namespace ?? '', controller.name) : undefined;
}

/** The key of a pod's pipeline or ModelVersion, by label, because its controller is a ReplicaSet or a Job. */
export function podOwnerKey(
  { metadata }: KubeObject,
  label: typeof LABEL.pipeline | typeof LABEL.modelVersion,
): Key | undefined {
  const name = metadata.labels?.[label];
  return name === undefined ? undefined : joinKey(metadata.namespace ?? '', name);
}
