/** The labels and owner references of all children. */
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from '@penstock/kube/api/objects';

export const ownerReference = ({ apiVersion, kind, metadata }: KubeObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '',
  controller: true,
});

/** The metadata of a pipeline's child. With a revision, the labels name it too. */
export function childMeta(owner: KubeObject, name: string, labels: Record<string, string> = {}): ObjectMeta {
  return {
    name,
    namespace: owner.metadata.namespace ?? '',
    labels: { [LABEL.managedBy]: MANAGED_BY, ...labels },
    ownerReferences: [ownerReference(owner)],
  };
}

/** The labels that select all pods of a pipeline, or the pods of one revision. */
export const podSelector = (pipeline: string, revision?: string): Record<string, string> => ({
  [LABEL.pipeline]: pipeline,
  ...(revision === undefined ? {} : { [LABEL.revision]: revision }),
});
