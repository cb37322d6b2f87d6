/** A store of one kind: frozen objects by key, and by the owner they work for; never back in time. */
import type { KubeObject } from '../api/objects.ts';

export type Change = 'added' | 'changed' | 'removed';
export type Listener<T> = (change: Change, object: T, old: T | undefined) => void;

export const cacheKey = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #listeners: Listener<T>[] = [];
  readonly #ownerOf: (object: KubeObject) => string | undefined;

  /** `ownerOf` says whose an object is; by default the uid of its controller. */
  constructor(ownerOf: (object: KubeObject) => string | undefined = controllerOf) {
    this.#ownerOf = ownerOf;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** Objects of this owner. */
  ownedBy(owner: string): T[] {
    return [...(this.#byOwner.get(owner) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  onChange(listener: Listener<T>): void {
    this.#listeners.push(listener);
  }

  /** Takes an object from a list, a watch or the answer to our own write; an older one of the same uid is dropped. */
  put(object: T): void {
    const key = cacheKey(object);
    const old = this.#objects.get(key);
    if (old?.metadata.uid === object.metadata.uid && Number(old?.metadata.resourceVersion) >= Number(object.metadata.resourceVersion)) return;
    if (old) this.#forgetOwner(key, old);
    this.#objects.set(key, deepFreeze(object));
    const owner = this.#ownerOf(object);
    if (owner !== undefined) this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(key));
    this.#tell(old ? 'changed' : 'added', object, old);
  }

  remove(key: string): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    this.#forgetOwner(key, old);
    this.#tell('removed', old, old);
  }

  #forgetOwner(key: string, object: T): void {
    const owner = this.#ownerOf(object);
    const keys = owner === undefined ? undefined : this.#byOwner.get(owner);
    keys?.delete(key);
    if (owner !== undefined && keys?.size === 0) this.#byOwner.delete(owner);
  }

  #tell(change: Change, object: T, old: T | undefined): void {
    for (const listener of this.#listeners) listener(change, object, old);
  }
}

/** Uid of the owner that controls an object. */
export function controllerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find((reference) => reference.controller)?.uid;
}

function deepFreeze<V>(value: V): V {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
