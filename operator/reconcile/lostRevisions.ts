/** ConfigMaps of revisions that went while their pods ran: kept until they are back or the pods are gone. */
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { Caches } from '../kube/kube.ts';

const keyOf = ({ namespace = '', name }: { namespace?: string; name: string }): string => `${namespace}/${name}`;

export class LostRevisions {
  readonly #lost = new Map<string, Stored<ConfigMap>>();

  constructor({ configMaps, deployments }: Caches) {
    configMaps.onChange((change, object) => {
      const { metadata } = object;
      if (metadata.labels?.[LABEL.role] !== 'revision') return;
      if (change !== 'removed') this.#lost.delete(keyOf(metadata));
      else if (deployments.get(metadata.namespace ?? '', metadata.name)) this.#lost.set(keyOf(metadata), object);
    });
    deployments.onChange((change, { metadata }) => {
      if (change === 'removed') this.#lost.delete(keyOf(metadata));
    });
  }

  get(namespace: string, name: string): Stored<ConfigMap> | undefined {
    return this.#lost.get(keyOf({ namespace, name }));
  }
}
