/** Labels and owner references that every child carries. */
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from '../api/objects.ts';

export const ownerReference = ({ apiVersion, kind, metadata }: KubeObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '',
  controller: true,
});

/** Metadata of a pipeline's child; with a revision, of that revision's. */
export function childMeta(owner: KubeObject, name: string, labels: Record<string, string> = {}): ObjectMeta {
  return {
    name,
    namespace: owner.metadata.namespace ?? '',
    labels: { [LABEL.managedBy]: MANAGED_BY, ...labels },
    ownerReferences: [ownerReference(owner)],
  };
}

/** Labels that select all pods of a pipeline, or those of one of its revisions. */
export const podSelector = (pipeline: string, revision?: string): Record<string, string> => ({
  [LABEL.pipeline]: pipeline,
  ...(revision === undefined ? {} : { [LABEL.revision]: revision }),
});
