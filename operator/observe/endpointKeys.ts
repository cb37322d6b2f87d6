/** The keys of endpoints: in a Secret that is created once, known here as hashes, read again at each resync. */
import { keyHash } from '@penstock/server/auth';
import { randomBytes } from 'node:crypto';
import { ignoreNotFound } from '@penstock/kube/api/status';
import { objectKey, type Key } from '@penstock/kube/api/keys';
import { KIND } from '../api/kinds.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta } from '../desired/meta.ts';
import { names } from '../desired/names.ts';
import type { KubeClient } from '@penstock/kube/client/client';

const MAX_AGE_MS = 600_000;
const KEY_NAMES = ['primaryKey', 'secondaryKey'] as const;
/**
 * Pods, and every account that may read ConfigMaps, have plain SHA-256 hashes of keys: a shorter key could be guessed.
 */
const MIN_KEY_LENGTH = 32;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** The keys in the Secret of a pipeline. */
export interface Keys {
  /** SHA-256 (hex) of each key that may be used. */
  hashes: string[];
  /** SHA-256 (hex) of each key that is too weak. */
  weak: string[];
  /** Which keys are not accepted, and what to do. */
  problem?: string;
}

export class EndpointKeys {
  readonly #client: Pick<KubeClient, 'get' | 'create'>;
  readonly #cached = new Map<Key, { uid: string | undefined; keys: Keys; readAt: number }>();

  constructor(client: Pick<KubeClient, 'get' | 'create'>) {
    this.#client = client;
  }

  /**
   * The keys of a pipeline; undefined when it has no Secret. A Secret that exists is used, whichever account created
   * it.
   */
  async read(pipeline: InferencePipeline, now: number): Promise<Keys | undefined> {
    const { uid, namespace = '', name } = pipeline.metadata;
    const cached = this.#cached.get(objectKey(pipeline));
    if (cached && cached.uid === uid && now - cached.readAt < MAX_AGE_MS) return cached.keys;
    const secret = await this.#client.get<Secret>(KIND.secret, namespace, names.keys(name)).catch(ignoreNotFound);
    if (!secret) return undefined;
    const owner = secret.metadata.ownerReferences?.find(({ kind }) => kind === pipeline.kind);
    if (owner && owner.uid !== uid) throw new Error(`Secret ${names.keys(name)} of a deleted pipeline still exists`);
    return this.#cache(pipeline, secret, now);
  }

  /** Creates the Secret of a pipeline, with random keys. */
  async create(pipeline: InferencePipeline, now: number): Promise<Keys> {
    const { name } = pipeline.metadata;
    const data = Object.fromEntries(
      KEY_NAMES.map((key) => [key, Buffer.from(randomBytes(32).toString('base64url')).toString('base64')]),
    );
    const metadata = childMeta(pipeline, names.keys(name), { [LABEL.pipeline]: name });
    const secret = await this.#client.create<Secret>({ apiVersion: 'v1', kind: 'Secret', metadata, data });
    return this.#cache(pipeline, secret, now);
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#cached.delete(pipeline);
  }

  #cache(pipeline: InferencePipeline, secret: Secret, now: number): Keys {
    const keys = keysIn(names.keys(pipeline.metadata.name), secret.data);
    this.#cached.set(objectKey(pipeline), { uid: pipeline.metadata.uid, keys, readAt: now });
    return keys;
  }
}

function keysIn(secretName: string, data: Record<string, string> = {}): Keys {
  const found = KEY_NAMES.flatMap((name) => (data[name] === undefined ? [] : [{ name, key: decoded(data[name]) }]));
  const keys = found.map(({ name, key }) => ({ name, hash: keyHash(key), weakness: weaknessOf(key) }));
  const problems = keys.flatMap(({ name, weakness }) => (weakness === undefined ? [] : [`${name} ${weakness}`]));
  if (keys.length === 0) problems.push(`has neither ${KEY_NAMES.join(' nor ')}`);
  return {
    hashes: keys.filter(({ weakness }) => weakness === undefined).map(({ hash }) => hash),
    weak: keys.filter(({ weakness }) => weakness !== undefined).map(({ hash }) => hash),
    ...(problems.length > 0 && {
      problem: `Secret ${secretName}: ${problems.join('; ')}. Make a key with: openssl rand -base64 32`,
    }),
  };
}

/** A line break at the end does not belong to the key: `kubectl create secret --from-file` leaves one there. */
const decoded = (base64: string): string =>
  Buffer.from(base64, 'base64')
    .toString()
    .replace(/\r?\n$/, '');

function weaknessOf(key: string): string | undefined {
  if (/\s/.test(key)) return 'has white space in it, which no header can carry';
  if (key.length >= MIN_KEY_LENGTH) return undefined;
  return `has ${key.length} characters, and at least ${MIN_KEY_LENGTH} are needed`;
}
