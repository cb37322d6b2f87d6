/** A store of one kind: frozen objects by key and by index; never back in time. */
import type { KubeObject } from '../api/objects.ts';

export type Change = 'added' | 'changed' | 'removed';
export type Listener<T> = (change: Change, object: T, old: T | undefined) => void;
/** Under which words an object is found beside its name. */
export type Index<T> = (object: T) => string[];

export const cacheKey = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #byWord = new Map<string, Set<string>>();
  readonly #listeners: Listener<T>[] = [];
  readonly #index: Index<T>;

  constructor(index: Index<T> = () => []) {
    this.#index = index;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** Objects that the index files under `word`. */
  by(word: string): T[] {
    return [...(this.#byWord.get(word) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  onChange(listener: Listener<T>): void {
    this.#listeners.push(listener);
  }

  /** Takes an object; an older one of the same uid is dropped. One of the same name with another uid is a removal and an addition. */
  put(object: T): void {
    const key = cacheKey(object);
    const old = this.#objects.get(key);
    const same = old?.metadata.uid === object.metadata.uid;
    if (old && same && Number(old.metadata.resourceVersion) >= Number(object.metadata.resourceVersion)) return;
    if (old && !same && Number(old.metadata.resourceVersion) > Number(object.metadata.resourceVersion)) return; // the past of a name that was taken again
    if (old) this.#unfile(key, old);
    this.#objects.set(key, deepFreeze(object));
    for (const word of this.#index(object)) this.#byWord.set(word, (this.#byWord.get(word) ?? new Set()).add(key));
    if (old && !same) this.#tell('removed', old, old);
    this.#tell(old && same ? 'changed' : 'added', object, same ? old : undefined);
  }

  /** Takes the object of that name out; with `uid`, only if it still is that one. */
  remove(key: string, uid?: string): void {
    const old = this.#objects.get(key);
    if (!old || (uid !== undefined && old.metadata.uid !== uid)) return;
    this.#objects.delete(key);
    this.#unfile(key, old);
    this.#tell('removed', old, old);
  }

  #unfile(key: string, object: T): void {
    for (const word of this.#index(object)) {
      const keys = this.#byWord.get(word);
      keys?.delete(key);
      if (keys?.size === 0) this.#byWord.delete(word);
    }
  }

  #tell(change: Change, object: T, old: T | undefined): void {
    for (const listener of this.#listeners) listener(change, object, old);
  }
}

function deepFreeze<V>(value: V): V {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
