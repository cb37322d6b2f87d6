/**
 * Keeps ConfigMaps of revisions that were deleted while their pods ran, until they are restored or the pods are gone.
 */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { joinKey, objectKey } from '@penstock/kube/api/keys';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { Caches } from '../caches/kube.ts';

export class DeletedRevisions {
  readonly #configMaps = new Map<string, Stored<ConfigMap>>();

  constructor({ configMaps, deployments }: Caches) {
    configMaps.onChange((change, object) => {
      const { metadata } = object;
      if (metadata.labels?.[LABEL.role] !== 'revision') return;
      if (change !== 'removed') this.#configMaps.delete(objectKey({ metadata }));
      else if (deployments.get(metadata.namespace ?? '', metadata.name))
        this.#configMaps.set(objectKey(object), object);
    });
    deployments.onChange((change, { metadata }) => {
      if (change === 'removed') this.#configMaps.delete(objectKey({ metadata }));
    });
  }

  get(namespace: string, name: string): Stored<ConfigMap> | undefined {
    return this.#configMaps.get(joinKey(namespace, name));
  }
}
