/** Which keys a change concerns. Handlers only enqueue; what to do is found out by the reconcile. */
import { joinKey, type Key } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import { controllerOf, type KubeObject } from '../api/objects.ts';
import type { ModelVersion } from '../api/types.gen.ts';

const OWNER = { InferencePipeline: LABEL.pipeline, ModelVersion: LABEL.modelVersion } as const;

/** A resource of ours: spec, deletion, or an annotation that counts has changed; our own status writes are not news. */
export function specChanged(object: KubeObject, old: KubeObject | undefined): boolean {
  return (
    !old ||
    old.metadata.generation !== object.metadata.generation ||
    old.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    JSON.stringify(old.metadata.annotations) !== JSON.stringify(object.metadata.annotations)
  );
}

/** A model version, to its users: what was verified, and that it now is marked as in use; not by how many. */
export function usageChanged(object: ModelVersion, old: ModelVersion | undefined): boolean {
  const news = ({ metadata, status }: ModelVersion): unknown => [
    metadata.uid,
    metadata.generation,
    status?.digest,
    status?.conditions,
    (status?.usedBy?.count ?? 0) > 0,
  ];
  return !old || old === object || JSON.stringify(news(object)) !== JSON.stringify(news(old));
}

/** A child: its controller's key; one whose reference was stripped, the key that its labels tell. */
export function ownerKey(object: KubeObject, kind: keyof typeof OWNER): Key | undefined {
  const controller = controllerOf(object);
  if (!controller) return podOwnerKey(object, OWNER[kind]);
  return controller.kind === kind ? joinKey(object.metadata.namespace ?? '', controller.name) : undefined;
}

/** A pod: the pipeline or model version it works for, by label, since its owner is a ReplicaSet or a Job. */
export function podOwnerKey(
  { metadata }: KubeObject,
  label: typeof LABEL.pipeline | typeof LABEL.modelVersion,
): Key | undefined {
  const name = metadata.labels?.[label];
  return name === undefined ? undefined : joinKey(metadata.namespace ?? '', name);
}
