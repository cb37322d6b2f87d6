/** The objects of one kind, frozen, by key and by index. An object never goes back to an older version. */
import { objectKey } from '../api/keys.ts';
import type { KubeObject, ObjectMeta } from '../api/objects.ts';
import { FairShare } from './fairShare.ts';
import { memoryOf } from './memory.ts';
import { OmittedObjects } from './omitted.ts';

export type Change = 'added' | 'changed' | 'removed';
export type Listener<T> = (change: Change, object: T, old: T | undefined) => void;
/** The index keys of an object, under which it is found beside its name. */
export type Index<T> = (object: T) => string[];

const MAX_TOMBSTONES = 1000;

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #keysByIndex = new Map<string, Set<string>>();
  readonly #listeners: Listener<T>[] = [];
  readonly #index: Index<T>;
  /**
   * By uid of the most recently deleted objects: the resourceVersion of the deletion. Older versions of them are stale.
   */
  readonly #tombstones = new Map<string, number>();

  readonly #onError: (error: Error) => void;
  readonly #budget: FairShare;
  readonly #bytes = new Map<string, number>();
  readonly #omitted = new OmittedObjects();

  /**
   * `onError` is called for an object on which an index or a listener throws (it is cached, and found by its name), and
   * for an object that exceeds its namespace's share of the `budget` (it is not cached).
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

  /** Names of the objects of a namespace that are not cached because there is no room; at most a thousand. */
  omitted(namespace: string): string[] {
    return this.#omitted.names(namespace);
  }

  /** Whether a new list, of `namespace` or of all, could cache an object that was omitted. */
  hasRoomAgain(namespace?: string): boolean {
    return this.#omitted.fits(this.#budget, namespace);
  }

  /** A list of `namespace`, or of all, begins. It will report every omitted object again. */
  listBegins(namespace?: string): void {
    this.#omitted.listBegins(namespace);
  }

  /** That list is complete and had these keys: omitted objects that it did not have are gone. */
  listEnds(keys: ReadonlySet<string>, namespace?: string): void {
    this.#omitted.listEnds((one, name) => keys.has(`${one}/${name}`), namespace);
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** The objects that have this index key. */
  byIndex(indexKey: string): T[] {
    return [...(this.#keysByIndex.get(indexKey) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  onChange(listener: Listener<T>): void {
    this.#listeners.push(listener);
  }

  /**
   * Stores an object unless it is stale. An object of the same name with another uid is reported as removed, then
   * added.
   */
  put(object: T): void {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    if (this.#isStale(object.metadata, old?.metadata) || !this.#reserve(key, object)) return;
    if (old) this.#unindex(key, old);
    this.#objects.set(key, deepFreeze(object));
    this.#addToIndex(key, object);
    const replaced = old?.metadata.uid === object.metadata.uid ? undefined : old;
    if (replaced) this.#notify('removed', replaced, replaced);
    if (old && !replaced) this.#notify('changed', object, old);
    else this.#notify('added', object, undefined);
  }

  #addToIndex(key: string, object: T): void {
    for (const indexKey of this.#indexKeys(object))
      this.#keysByIndex.set(indexKey, (this.#keysByIndex.get(indexKey) ?? new Set()).add(key));
  }

  /**
   * Removes the object of that key; with `uid`, only if it is still that one. `version`: resourceVersion of the
   * deletion; Infinity for our own DELETE, whose version is unknown.
   */
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
   * Reserves memory for an object in its namespace's budget. Without room it returns false, and an older version of the
   * object is removed. An object that does not grow stays cached, however little room is left.
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

  /**
   * True for a stale update: older than the cached version, than the tombstone of its uid, or than the newer object of
   * that name.
   */
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
    for (const indexKey of this.#indexKeys(object)) {
      const keys = this.#keysByIndex.get(indexKey);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByIndex.delete(indexKey);
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

  /** What a user wrote into one object must not keep the others from being handled. */
  #report(object: T, error: unknown): void {
    this.#onError(
      new Error(
        `${object.kind} ${objectKey(object)} cannot be indexed or handled: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      ),
    );
  }
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Freezes a JSON object and all values in it, at any depth, and interns short strings. */
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

/** One shared copy of a short string: JSON.parse creates another one for each field of each object. */
function intern(text: string): string {
  if (text.length > MAX_INTERNED_LENGTH) return text;
  const known = interned.get(text);
  if (known !== undefined) return known;
  if (interned.size >= MAX_INTERNED) interned.clear();
  interned.set(text, text);
  return text;
}
