/** A store of one kind: frozen objects by key and by index; never back in time. */
import { objectKey } from '../api/flow.ts';
import type { KubeObject, ObjectMeta } from '../api/objects.ts';
import { FairShare } from '../queue/fairShare.ts';
import { memoryOf } from './memory.ts';
import { OmittedObjects } from './omitted.ts';

export type Change = 'added' | 'changed' | 'removed';
export type Listener<T> = (change: Change, object: T, old: T | undefined) => void;
/** Under which words an object is found beside its name. */
export type Index<T> = (object: T) => string[];

const MAX_TOMBSTONES = 1000;

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #keysByIndex = new Map<string, Set<string>>();
  readonly #listeners: Listener<T>[] = [];
  readonly #index: Index<T>;
  /** Version at which each of the last deleted uids went: what is older of them is the past. */
  readonly #tombstones = new Map<string, number>();

  readonly #onError: (error: Error) => void;
  readonly #budget: FairShare;
  readonly #bytes = new Map<string, number>();
  readonly #omitted = new OmittedObjects();

  /**
   * `onError` is told of an object that an index or a listener cannot take (it is kept, and found by its name only),
   * and of one for which the `budget` of its namespace has no room (it is not kept).
   */
  constructor(
    index: Index<T> = () => [],
    onError: (error: Error) => void = () => undefined,
    budget = new FairShare(Infinity),
  ) {
    this.#index = index;
    this.#onError = onError;
    this.#budget = budget;
  }

  /** Names of objects in a namespace that are on the server and for which there is no room here; at most a thousand. */
  omitted(namespace: string): string[] {
    return this.#omitted.names(namespace);
  }

  /** Whether a new list, of `namespace` or of all, would bring an object that found no room before. */
  hasRoomAgain(namespace?: string): boolean {
    return this.#omitted.fits(this.#budget, namespace);
  }

  /** A list of `namespace`, or of all, begins: what has no room will be told again by it. */
  listBegins(namespace?: string): void {
    this.#omitted.listBegins(namespace);
  }

  /** That list is complete, and had the objects of these keys: of what had no room, the others are gone. */
  listEnds(keys: ReadonlySet<string>, namespace?: string): void {
    this.#omitted.listEnds((one, name) => keys.has(`${one}/${name}`), namespace);
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** Objects that the index files under `word`. */
  byIndex(word: string): T[] {
    return [...(this.#keysByIndex.get(word) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  onChange(listener: Listener<T>): void {
    this.#listeners.push(listener);
  }

  /** Takes an object; an older one of the same uid is dropped. One of the same name with another uid is a removal and an addition. */
  put(object: T): void {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    const same = old?.metadata.uid === object.metadata.uid;
    if (this.#isStale(object.metadata, old?.metadata)) return;
    if (!this.#reserve(key, object)) return;
    if (old) this.#unindex(key, old);
    this.#objects.set(key, deepFreeze(object));
    for (const word of this.#indexKeys(object))
      this.#keysByIndex.set(word, (this.#keysByIndex.get(word) ?? new Set()).add(key));
    if (old && !same) this.#notify('removed', old, old);
    this.#notify(old && same ? 'changed' : 'added', object, same ? old : undefined);
  }

  /** Takes the object of that name out; with `uid`, only if it still is that one. `version` is that of its deletion; Infinity when it is not known, but nothing undoes it. */
  remove(key: string, uid?: string, version?: number): void {
    if (uid !== undefined && version !== undefined) this.#addTombstone(uid, version);
    const [namespace = '', name = ''] = key.split('/');
    this.#omitted.remove(namespace, name);
    const old = this.#objects.get(key);
    if (!old || (uid !== undefined && old.metadata.uid !== uid)) return;
    this.#release(key, namespace);
    this.#objects.delete(key);
    this.#unindex(key, old);
    this.#notify('removed', old, old);
  }

  /**
   * Counts an object in its namespace's budget. False, and what was there of it is gone, when there is no room. One
   * that does not grow keeps its place, however little is left for others.
   */
  #reserve(key: string, object: T): boolean {
    const { namespace = '', name } = object.metadata;
    const bytes = memoryOf(object);
    const before = this.#bytes.get(key) ?? 0;
    const grown = bytes - before;
    if (grown > 0 && !this.#budget.admits(namespace, grown)) {
      this.remove(key);
      this.#omitted.add(namespace, name, bytes);
      this.#onError(
        new Error(
          `${object.kind} ${key} takes ${mebibytes(bytes)} MiB of memory, and namespace ${namespace} has no room for it: its other objects take ${mebibytes(this.#budget.used(namespace))} MiB`,
        ),
      );
      return false;
    }
    this.#omitted.remove(namespace, name);
    this.#budget.add(namespace, grown);
    this.#bytes.set(key, bytes);
    return true;
  }

  #release(key: string, namespace: string): void {
    this.#budget.add(namespace, -(this.#bytes.get(key) ?? 0));
    this.#bytes.delete(key);
  }

  /** News of what has been deleted since, or of what is here in a newer version, or of a name that somebody newer has taken. */
  #isStale({ uid = '', resourceVersion, deletionTimestamp }: ObjectMeta, old: ObjectMeta | undefined): boolean {
    const version = Number(resourceVersion);
    const gone = this.#tombstones.get(uid) ?? 0;
    if (gone === Infinity ? deletionTimestamp === undefined : gone >= version) return true;
    if (!old) return false;
    return old.uid === uid ? Number(old.resourceVersion) >= version : Number(old.resourceVersion) > version;
  }

  #addTombstone(uid: string, version: number): void {
    this.#tombstones.set(uid, version);
    if (this.#tombstones.size > MAX_TOMBSTONES) this.#tombstones.delete(this.#tombstones.keys().next().value!);
  }

  #unindex(key: string, object: T): void {
    for (const word of this.#indexKeys(object)) {
      const keys = this.#keysByIndex.get(word);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByIndex.delete(word);
    }
  }

  #notify(change: Change, object: T, old: T | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(change, object, old);
      } catch (error) {
        this.#report(object, error);
      }
    }
  }

  #indexKeys(object: T): string[] {
    try {
      return this.#index(object);
    } catch (error) {
      this.#report(object, error);
      return [];
    }
  }

  /** What a user wrote into one object must not keep the others from being seen. */
  #report(object: T, error: unknown): void {
    this.#onError(
      new Error(
        `${object.kind} ${objectKey(object)} cannot be read whole: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      ),
    );
  }
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Freezes an object of JSON to its leaves, however deep; a text that many objects hold is held once. */
function deepFreeze<V>(value: V): V {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const one = open.pop();
    if (typeof one !== 'object' || one === null || Object.isFrozen(one)) continue;
    const fields = one as Record<string, unknown>;
    for (const name of Object.keys(fields)) {
      const inner = fields[name];
      if (typeof inner === 'string') fields[name] = intern(inner);
      else open.push(inner);
    }
    Object.freeze(one);
  }
  return value;
}

const MAX_INTERNED_LENGTH = 100;
const MAX_INTERNED = 4096;
const interned = new Map<string, string>();

/** The copy of `text` that some cache already holds, as a rule: JSON.parse makes a new one for each field of each object. */
function intern(text: string): string {
  if (text.length > MAX_INTERNED_LENGTH) return text;
  const known = interned.get(text);
  if (known !== undefined) return known;
  if (interned.size >= MAX_INTERNED) interned.clear();
  interned.set(text, text);
  return text;
}
