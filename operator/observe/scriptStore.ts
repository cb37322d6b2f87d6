/**
 * Scripts out of users' ConfigMaps: read once per version and pipeline; only the metadata of ConfigMaps is watched. What
 * was read last is kept, up to a number of bytes; the rest is read again when it is needed.
 */
import { joinKey, type Key } from '../api/flow.ts';
import type { KubeObject, ObjectMeta } from '../api/objects.ts';
import { KIND } from '../api/kinds.ts';
import { scriptIn, type FoundScript } from '../desired/script.ts';
import type { KubeClient } from '../kube/client.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

const MOST_BYTES = 8 * 2 ** 20;

export class ScriptStore {
  readonly #client: Pick<KubeClient, 'get'>;
  /** What each pipeline's ConfigMap held, and in which version. */
  readonly #read = new Map<Key, { version: string; bytes: number } & Pick<ConfigMap, 'data' | 'binaryData'>>();
  #bytes = 0;

  constructor(client: Pick<KubeClient, 'get'>) {
    this.#client = client;
  }

  /** The files of a ConfigMap with `key` as the one that is loaded. `known` is what the watch knows of it. */
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

  /** For a pipeline that is gone. */
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
