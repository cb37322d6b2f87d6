/**
 * Scripts in users' ConfigMaps. Only the metadata of ConfigMaps is watched, so the data is read once for each version
 * and pipeline. The most recently used data stays in memory, up to a number of bytes.
 */
import { joinKey, type Key } from '@penstock/kube/api/keys';
import type { KubeObject, ObjectMeta } from '@penstock/kube/api/objects';
import { KIND } from '../api/kinds.ts';
import { scriptIn, type FoundScript } from '../desired/script.ts';
import type { KubeClient } from '@penstock/kube/client/client';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

const MOST_BYTES = 8 * 2 ** 20;

export class ScriptStore {
  readonly #client: Pick<KubeClient, 'get'>;
  /** The data of each pipeline's ConfigMap and its resourceVersion. */
  readonly #read = new Map<Key, { version: string; bytes: number } & Pick<ConfigMap, 'data' | 'binaryData'>>();
  #bytes = 0;

  constructor(client: Pick<KubeClient, 'get'>) {
    this.#client = client;
  }

  /** The files of a ConfigMap, with `key` as the file that is loaded. `known` is the metadata from the watch. */
  async script(
    { namespace = '', name: pipeline }: ObjectMeta,
    { name, key }: { name: string; key: string },
    known: KubeObject | undefined,
  ): Promise<FoundScript> {
    if (!known) return { problem: `ConfigMap ${name} of spec.scoring.scriptFrom does not exist in this namespace` };
    const version = `${name} ${known.metadata.uid} ${known.metadata.resourceVersion}`;
    const at = joinKey(namespace, pipeline);
    let read = this.#read.get(at);
    if (read?.version !== version) {
      const { data = {}, binaryData = {} } = await this.#client.get<ConfigMap>(KIND.configMap, namespace, name);
      read = {
        version,
        data,
        binaryData,
        bytes: [...Object.values(data), ...Object.values(binaryData)].reduce((sum, text) => sum + text.length, 0),
      };
      this.forget(at);
      this.#keep(at, read);
    }
    return scriptIn({ name, key }, read);
  }

  /** Forgets a deleted pipeline. */
  forget(pipeline: Key): void {
    this.#bytes -= this.#read.get(pipeline)?.bytes ?? 0;
    this.#read.delete(pipeline);
  }

  #keep(pipeline: Key, read: { version: string; bytes: number }): void {
    this.#read.set(pipeline, read);
    this.#bytes += read.bytes;
    for (const oldest of this.#read.keys()) {
      if (this.#bytes <= MOST_BYTES || oldest === pipeline) return;
      this.forget(oldest);
    }
  }
}
