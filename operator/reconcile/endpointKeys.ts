/** The keys of pipelines: made once into a Secret, known here as hashes, read again at each resync. */
import { keyHash } from '@penstock/contract';
import { randomBytes } from 'node:crypto';
import { hasStatus, joinKey, type Key } from '../api/flow.ts';
import { KIND } from '../api/kinds.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta } from '../desired/meta.ts';
import { names } from '../desired/names.ts';
import type { KubeClient } from '../kube/client.ts';

const MAX_AGE_MS = 600_000;
const SLOTS = ['primaryKey', 'secondaryKey'] as const;
/** Pods and everyone who may read ConfigMaps have plain SHA-256 hashes of keys: a shorter key could be found by trying. */
const MIN_KEY_LENGTH = 32;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** What the Secret of a pipeline says. */
export interface Keys {
  /** SHA-256 (hex) of each key, slot by slot. */
  hashes: string[];
  /** Those of keys that are too weak: a pipeline that has them keeps them, and takes no new one. */
  weak: string[];
  /** Which keys are not taken, and what to do. */
  problem?: string;
}

export class EndpointKeys {
  readonly #client: Pick<KubeClient, 'get' | 'create'>;
  readonly #cached = new Map<Key, { uid: string | undefined; keys: Keys; readAt: number }>();

  constructor(client: Pick<KubeClient, 'get' | 'create'>) {
    this.#client = client;
  }

  /** The keys of the pipeline. A Secret that is there is used as it is, whatever account made it. */
  async keys(pipeline: InferencePipeline, now: number): Promise<Keys> {
    const { namespace = '', name, uid } = pipeline.metadata;
    const known = this.#cached.get(joinKey(namespace, name));
    if (known?.uid === uid && known && now - known.readAt < MAX_AGE_MS) return known.keys;
    const { data = {} } = await this.#readOrCreate(pipeline);
    const keys = keysIn(names.keys(name), data);
    this.#cached.set(joinKey(namespace, name), { uid, keys, readAt: now });
    return keys;
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#cached.delete(pipeline);
  }

  async #readOrCreate(pipeline: InferencePipeline): Promise<Secret> {
    const { name, namespace = '' } = pipeline.metadata;
    try {
      const secret = await this.#client.get<Secret>(KIND.secret, namespace, names.keys(name));
      const owner = secret.metadata.ownerReferences?.find(({ kind }) => kind === pipeline.kind);
      if (owner && owner.uid !== pipeline.metadata.uid)
        throw new Error(`Secret ${names.keys(name)} of a deleted pipeline is still going away`);
      return secret;
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
    }
    const data = Object.fromEntries(
      SLOTS.map((slot) => [slot, Buffer.from(randomBytes(32).toString('base64url')).toString('base64')]),
    );
    return this.#client.create<Secret>({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: childMeta(pipeline, names.keys(name), { [LABEL.pipeline]: name }),
      data,
    });
  }
}

/** A line break at the end of a key is none of it: `kubectl create secret --from-file` leaves one there. */
function keysIn(secret: string, data: Record<string, string>): Keys {
  const found = SLOTS.flatMap((slot) =>
    data[slot] === undefined
      ? []
      : [
          {
            slot,
            key: Buffer.from(data[slot], 'base64')
              .toString()
              .replace(/\r?\n$/, ''),
          },
        ],
  );
  const problems = found.flatMap(({ slot, key }) => {
    if (/\s/.test(key)) return [{ slot, why: 'has white space in it, which no header can carry' }];
    return key.length < MIN_KEY_LENGTH
      ? [{ slot, why: `has ${key.length} characters, and at least ${MIN_KEY_LENGTH} are needed` }]
      : [];
  });
  const isWeak = ({ slot }: { slot: string }): boolean => problems.some((problem) => problem.slot === slot);
  const lines =
    found.length === 0 ? [`has neither ${SLOTS.join(' nor ')}`] : problems.map(({ slot, why }) => `${slot} ${why}`);
  return {
    hashes: found.filter((one) => !isWeak(one)).map(({ key }) => keyHash(key)),
    weak: found.filter(isWeak).map(({ key }) => keyHash(key)),
    ...(lines.length > 0 && {
      problem: `Secret ${secret}: ${lines.join('; ')}. Make a key with: openssl rand -base64 32`,
    }),
  };
}
