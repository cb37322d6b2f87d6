/** The keys of pipelines: made once into a Secret, known here as hashes, read again at each resync. */
import { keyHash } from '@penstock/contract';
import { randomBytes } from 'node:crypto';
import { answered, keyOf, type Key } from '../api/flow.ts';
import { KIND } from '../api/kinds.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta } from '../desired/meta.ts';
import { names } from '../desired/names.ts';
import type { KubeClient } from '../kube/client.ts';

const FRESH_MS = 600_000;
const SLOTS = ['primaryKey', 'secondaryKey'] as const;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

export class KeyStore {
  readonly #client: Pick<KubeClient, 'get' | 'create'>;
  readonly #known = new Map<Key, { uid: string | undefined; hashes: string[]; readAt: number }>();

  constructor(client: Pick<KubeClient, 'get' | 'create'>) {
    this.#client = client;
  }

  /** SHA-256 (hex) of each key of the pipeline, slot by slot. A Secret that is there is used as it is, whoever made it. */
  async hashes(pipeline: InferencePipeline, now: number): Promise<string[]> {
    const { namespace = '', name, uid } = pipeline.metadata;
    const known = this.#known.get(keyOf(namespace, name));
    if (known?.uid === uid && known && now - known.readAt < FRESH_MS) return known.hashes;
    const { data = {} } = await this.#readOrCreate(pipeline);
    const hashes = SLOTS.flatMap((slot) => (data[slot] === undefined ? [] : [keyHash(Buffer.from(data[slot], 'base64'))]));
    this.#known.set(keyOf(namespace, name), { uid, hashes, readAt: now });
    return hashes;
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#known.delete(pipeline);
  }

  async #readOrCreate(pipeline: InferencePipeline): Promise<Secret> {
    const { name, namespace = '' } = pipeline.metadata;
    try {
      const secret = await this.#client.get<Secret>(KIND.secret, namespace, names.keys(name));
      const owner = secret.metadata.ownerReferences?.find(({ kind }) => kind === pipeline.kind);
      if (owner && owner.uid !== pipeline.metadata.uid) throw new Error(`Secret ${names.keys(name)} of a deleted pipeline is still going away`);
      return secret;
    } catch (error) {
      if (!answered(error, 404)) throw error;
    }
    const data = Object.fromEntries(SLOTS.map((slot) => [slot, Buffer.from(randomBytes(32).toString('base64url')).toString('base64')]));
    return this.#client.create<Secret>({ apiVersion: 'v1', kind: 'Secret', metadata: childMeta(pipeline, names.keys(name), { [LABEL.pipeline]: name }), data });
  }
}
