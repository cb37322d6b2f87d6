/**
 * The Secret with the keys of an endpoint. It outlives its pipeline, so that a pipeline that is made again has its
 * keys.
 */
import { ANNOTATION, LABEL, MANAGED_BY } from '../api/labels.ts';
import type { ObjectMeta, OwnerReference } from '@penstock/kube/api/objects';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta, ownerReference } from './meta.ts';
import { names } from './names.ts';

/** With the annotation, Kubernetes deletes the Secret together with the pipeline. */
const owners = (pipeline: InferencePipeline): OwnerReference[] =>
  pipeline.metadata.annotations?.[ANNOTATION.deleteKeys] === 'true' ? [ownerReference(pipeline)] : [];

export function keySecretMeta(pipeline: InferencePipeline): ObjectMeta {
  const { name } = pipeline.metadata;
  return {
    ...childMeta(pipeline, names.keys(name), { [LABEL.pipeline]: name }),
    ownerReferences: owners(pipeline),
  };
}

/**
 * The owner references that a Secret should have, where it has others, with or without the annotation. Undefined for a
 * Secret of the user, which is never changed.
 */
export function changedOwners(
  pipeline: InferencePipeline,
  { labels, ownerReferences = [] }: ObjectMeta,
): OwnerReference[] | undefined {
  const wanted = owners(pipeline);
  const isOurs = labels?.[LABEL.managedBy] === MANAGED_BY;
  const same = ownerReferences.length === wanted.length && ownerReferences[0]?.uid === wanted[0]?.uid;
  return isOurs && !same ? wanted : undefined;
}
