/** Which keys a change concerns. Handlers only enqueue; what to do is found out by the reconcile. */
import { keyOf, type Key } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';

/** A resource of ours: spec, deletion, or an annotation that counts has changed; our own status writes are not news. */
export function concernsItself(object: KubeObject, old: KubeObject | undefined): boolean {
  return !old || old.metadata.uid !== object.metadata.uid || old.metadata.generation !== object.metadata.generation
    || old.metadata.deletionTimestamp !== object.metadata.deletionTimestamp || JSON.stringify(old.metadata.annotations) !== JSON.stringify(object.metadata.annotations);
}

/** A child: the owner's key, whatever changed. */
export function ownerKey(object: KubeObject, kind: string): Key | undefined {
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller && reference.kind === kind);
  return owner && keyOf(object.metadata.namespace ?? '', owner.name);
}

/** A pod: the pipeline or model version it works for, by label, since its owner is a ReplicaSet or a Job. */
export function podKey({ metadata }: KubeObject, label: typeof LABEL.pipeline | typeof LABEL.modelVersion): Key | undefined {
  const name = metadata.labels?.[label];
  return name === undefined ? undefined : keyOf(metadata.namespace ?? '', name);
}
