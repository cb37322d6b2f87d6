/** Scripts out of users' ConfigMaps: read once per version and pipeline; only the metadata of ConfigMaps is watched. */
import { keyOf, type Key } from '../api/flow.ts';
import type { KubeObject, ObjectMeta } from '../api/objects.ts';
import { KIND } from '../api/kinds.ts';
import { scriptIn, type FoundScript } from '../desired/script.ts';
import type { KubeClient } from '../kube/client.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

export class ScriptStore {
  readonly #client: Pick<KubeClient, 'get'>;
  /** What each pipeline's ConfigMap held, and in which version. */
  readonly #read = new Map<Key, { version: string } & Pick<ConfigMap, 'data' | 'binaryData'>>();

  constructor(client: Pick<KubeClient, 'get'>) {
    this.#client = client;
  }

  /** The files of a ConfigMap with `key` as the one that is loaded. `known` is what the watch knows of it. */
  async script({ namespace = '', name: pipeline }: ObjectMeta, { name, key }: { name: string; key: string }, known: KubeObject | undefined): Promise<FoundScript> {
    if (!known) return { problem: `ConfigMap ${name} of spec.scoring.scriptFrom does not exist in this namespace` };
    const version = `${name} ${known.metadata.uid} ${known.metadata.resourceVersion}`;
    const at = keyOf(namespace, pipeline);
    let read = this.#read.get(at);
    if (read?.version !== version) {
      const { data = {}, binaryData = {} } = await this.#client.get<ConfigMap>(KIND.configMap, namespace, name);
      read = { version, data, binaryData };
      this.#read.set(at, read);
    }
    return scriptIn({ name, key }, read);
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#read.delete(pipeline);
  }
}
