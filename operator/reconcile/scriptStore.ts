/** Scripts out of users' ConfigMaps: read once per version of the ConfigMap, whose metadata alone is watched. */
import type { KubeObject } from '../api/objects.ts';
import { KIND } from '../api/kinds.ts';
import type { Script } from '../api/observed.ts';
import type { KubeClient } from '../kube/client.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}
type Found = { script: Script } | { problem: string };

export class ScriptStore {
  readonly #client: Pick<KubeClient, 'get'>;
  readonly #read = new Map<string, { version: string; data: Record<string, string> }>();

  constructor(client: Pick<KubeClient, 'get'>) {
    this.#client = client;
  }

  /** The files of a ConfigMap with `entry` as the one that is loaded. `metadata` is what the watch knows of it. */
  async script(namespace: string, reference: { name: string; key: string }, metadata: KubeObject | undefined): Promise<Found> {
    const { name, key: entry } = reference;
    if (!metadata) return { problem: `ConfigMap ${name} of spec.scoring.scriptFrom does not exist in this namespace` };
    const version = `${metadata.metadata.uid}/${metadata.metadata.resourceVersion}`;
    const at = `${namespace}/${name}`;
    let read = this.#read.get(at);
    if (read?.version !== version) {
      const { data = {} } = await this.#client.get<ConfigMap>(KIND.configMap, namespace, name);
      read = { version, data };
      this.#read.set(at, read);
    }
    if (read.data[entry] === undefined) return { problem: `ConfigMap ${name} has no key ${entry}; it has ${Object.keys(read.data).join(', ') || 'none'}` };
    return { script: { entry, files: read.data } };
  }
}
