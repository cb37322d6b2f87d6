/**
 * Scripts and requirements in users' ConfigMaps. Only the metadata of ConfigMaps is watched, so the data is read once
 * for each version and pipeline. The most recently used data stays in memory, up to a number of bytes.
 */
import { joinKey, type Key } from '@penstock/kube/api/keys';
import type { KubeObject, ObjectMeta } from '@penstock/kube/api/objects';
import { KIND } from '../api/kinds.ts';
import { noKey, scriptIn, type FoundScript } from '../desired/script.ts';
import type { KubeClient } from '@penstock/kube/client/client';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

const MOST_BYTES = 8 * 2 ** 20;

type Reference = { name: string; key: string };
type Data = Pick<ConfigMap, 'data' | 'binaryData'>;

export class ScriptStore {
  readonly #client: Pick<KubeClient, 'get'>;
  /** The data of each pipeline's ConfigMaps and its resourceVersion, by {@link entry}. */
  readonly #read = new Map<string, { version: string; bytes: number } & Data>();
  #bytes = 0;

  constructor(client: Pick<KubeClient, 'get'>) {
    this.#client = client;
  }

  /** The files of a ConfigMap, with `key` as the file that is loaded. `known` is the metadata from the watch. */
  async script(pipeline: ObjectMeta, reference: Reference, known: KubeObject | undefined): Promise<FoundScript> {
    const data = await this.#data(pipeline, reference.name, known);
    return data
      ? scriptIn(reference, data)
      : { problem: `ConfigMap ${reference.name} of spec.scoring.scriptFrom does not exist in this namespace` };
  }

  /** One text of a ConfigMap. `field` is where the spec names it. */
  async text(
    pipeline: ObjectMeta,
    { name, key, field }: Reference & { field: string },
    known: KubeObject | undefined,
  ): Promise<{ text: string } | { problem: string }> {
    const found = await this.#data(pipeline, name, known);
    if (!found) return { problem: `ConfigMap ${name} of ${field} does not exist in this namespace` };
    const text = found.data?.[key];
    return text === undefined ? { problem: noKey({ name, key }, found) } : { text };
  }

  /** Undefined for a ConfigMap that does not exist. */
  async #data(
    { namespace = '', name: pipeline }: ObjectMeta,
    name: string,
    known: KubeObject | undefined,
  ): Promise<Data | undefined> {
    if (!known) return undefined;
    const version = `${known.metadata.uid} ${known.metadata.resourceVersion}`;
    const at = entry(joinKey(namespace, pipeline), name);
    let read = this.#read.get(at);
    if (read?.version !== version) {
      const { data = {}, binaryData = {} } = await this.#client.get<ConfigMap>(KIND.configMap, namespace, name);
      const texts = [...Object.values(data), ...Object.values(binaryData)];
      read = { version, data, binaryData, bytes: texts.reduce((sum, text) => sum + text.length, 0) };
      this.#drop(at);
      this.#keep(at, read);
    }
    return read;
  }

  /** Forgets a deleted pipeline. */
  forget(pipeline: Key): void {
    for (const at of this.#read.keys()) if (at.startsWith(entry(pipeline, ''))) this.#drop(at);
  }

  #drop(at: string): void {
    this.#bytes -= this.#read.get(at)?.bytes ?? 0;
    this.#read.delete(at);
  }

  #keep(at: string, read: { version: string; bytes: number }): void {
    this.#read.set(at, read);
    this.#bytes += read.bytes;
    for (const oldest of this.#read.keys()) {
      if (this.#bytes <= MOST_BYTES || oldest === at) return;
      this.#drop(oldest);
    }
  }
}

const entry = (pipeline: Key, configMap: string): string => `${pipeline} ${configMap}`;
