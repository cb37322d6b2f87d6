/**
 * The keys of endpoints: in a Secret that is created once, known here as hashes, read again when the Secret changes.
 */
import { keyHash } from '@penstock/server/auth';
import { randomBytes } from 'node:crypto';
import { ignoreNotFound } from '@penstock/kube/api/status';
import { objectKey, splitKey, type Key } from '@penstock/kube/api/keys';
import { KIND } from '../api/kinds.ts';
import type { KubeObject, ObjectMeta } from '@penstock/kube/api/objects';
import type { InferencePipeline } from '../api/types.gen.ts';
import { keySecretMeta } from '../desired/keySecret.ts';
import { names } from '../desired/names.ts';
import type { KubeClient } from '@penstock/kube/client/client';

const KEY_NAMES = ['primaryKey', 'secondaryKey'] as const;
/**
 * Pods, and every account that may read ConfigMaps, have plain SHA-256 hashes of keys: a shorter key could be guessed.
 */
const MIN_KEY_LENGTH = 32;

type Client = Pick<KubeClient, 'get' | 'create' | 'metadata'>;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** The keys in the Secret of a pipeline. */
export interface Keys {
  /** Of the Secret. */
  metadata: ObjectMeta;
  /** SHA-256 (hex) of each key that may be used. */
  hashes: string[];
  /** SHA-256 (hex) of each key that is too weak. */
  weak: string[];
  /** Which keys are not accepted, and what to do. */
  problem?: string;
}

export class EndpointKeys {
  readonly #client: Client;
  readonly #cached = new Map<Key, { uid: string | undefined; keys: Keys }>();

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The keys of a pipeline; undefined when it has no Secret. A Secret that exists is used, whichever account created
   * it.
   */
  async read(pipeline: InferencePipeline): Promise<Keys | undefined> {
    const { uid, namespace = '', name } = pipeline.metadata;
    const cached = this.#cached.get(objectKey(pipeline));
    if (cached && cached.uid === uid) return cached.keys;
    const secret = await this.#client.get<Secret>(KIND.secret, namespace, names.keys(name)).catch(ignoreNotFound);
    if (!secret) return undefined;
    const owner = secret.metadata.ownerReferences?.find(({ kind }) => kind === pipeline.kind);
    // with the annotation deleteKeys, the garbage collector is about to delete it
    if (owner && owner.uid !== uid) throw new Error(`Secret ${names.keys(name)} of a deleted pipeline still exists`);
    return this.#cache(pipeline, secret);
  }

  /** Creates the Secret of a pipeline, with random keys. */
  async create(pipeline: InferencePipeline): Promise<Keys> {
    const data = Object.fromEntries(
      KEY_NAMES.map((key) => [key, Buffer.from(randomBytes(32).toString('base64url')).toString('base64')]),
    );
    const metadata = keySecretMeta(pipeline);
    const secret = await this.#client.create<Secret>({ apiVersion: 'v1', kind: 'Secret', metadata, data });
    return this.#cache(pipeline, secret);
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#cached.delete(pipeline);
  }

  /** The Secret has other metadata since the operator has written it. Its keys are the same. */
  updated(pipeline: Key, metadata: ObjectMeta): void {
    const cached = this.#cached.get(pipeline);
    if (cached) cached.keys = { ...cached.keys, metadata };
  }

  /** The pipelines whose keys are known. */
  pipelines(): Iterable<Key> {
    return this.#cached.keys();
  }

  /** Whether the Secret of a pipeline has another version than was read. Its keys are then read again by `read`. */
  async hasChanged(pipeline: Key): Promise<boolean> {
    const { namespace, name } = splitKey(pipeline);
    const secret = await this.#client.metadata(KIND.secret, namespace, names.keys(name)).catch(ignoreNotFound);
    const cached = this.#cached.get(pipeline);
    if (!cached || secret?.metadata.resourceVersion === cached.keys.metadata.resourceVersion) return false;
    this.#cached.delete(pipeline);
    return true;
  }

  #cache(pipeline: InferencePipeline, secret: Secret): Keys {
    const keys = keysIn(secret);
    this.#cached.set(objectKey(pipeline), { uid: pipeline.metadata.uid, keys });
    return keys;
  }
}

function keysIn({ metadata, data = {} }: Secret): Keys {
  const found = KEY_NAMES.flatMap((name) => (data[name] === undefined ? [] : [{ name, key: decoded(data[name]) }]));
  const keys = found.map(({ name, key }) => ({ name, hash: keyHash(key), weakness: weaknessOf(key) }));
  const problems = keys.flatMap(({ name, weakness }) => (weakness === undefined ? [] : [`${name} ${weakness}`]));
  if (keys.length === 0) problems.push(`has neither ${KEY_NAMES.join(' nor ')}`);
  return {
    metadata,
    hashes: keys.filter(({ weakness }) => weakness === undefined).map(({ hash }) => hash),
    weak: keys.filter(({ weakness }) => weakness !== undefined).map(({ hash }) => hash),
    ...(problems.length > 0 && {
      problem: `Secret ${metadata.name}: ${problems.join('; ')}. Make a key with: openssl rand -base64 32`,
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
