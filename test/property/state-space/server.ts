/**
 * An API server as a value: objects by `Kind/name`, never changed in place, so that a search can keep thousands of
 * them.
 */
import { KubeError } from '@penstock/kube/client/errors';
import type { KubeObject } from '@penstock/kube/api/objects';

export type Thing = KubeObject & {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
};
export type Objects = Readonly<Record<string, Thing>>;

export const keyOf = ({ kind, metadata }: KubeObject): string => `${kind}/${metadata.name}`;

/** One server for the length of one reconcile; `objects` and `version` are what it holds afterwards. */
export class Server {
  objects: Objects;
  version: number;
  /** Writes so far, as `create Service/p`. */
  readonly writes: string[] = [];
  readonly #now: string;
  /** Called with the number of each write, before it counts (`early`) and after; what it throws is the answer. */
  readonly #interfere: (write: number, early: boolean) => void;

  constructor(
    objects: Objects,
    version: number,
    options: { now: number; interfere?: (write: number, early: boolean) => void },
  ) {
    this.objects = objects;
    this.version = version;
    this.#now = new Date(options.now).toISOString();
    this.#interfere = options.interfere ?? (() => undefined);
  }

  get(key: string): Thing {
    const found = this.objects[key];
    if (!found) throw new KubeError(404, 'NotFound', `${key} not found`);
    return found;
  }

  create(object: Thing): Promise<Thing> {
    return this.#write(`create ${keyOf(object)}`, () => {
      if (this.objects[keyOf(object)]) throw new KubeError(409, 'AlreadyExists', `${keyOf(object)} exists`);
      const first = object.kind === 'Deployment' ? { spec: { ...object.spec, replicas: 1 } } : {};
      return this.#put({
        ...object,
        ...first,
        metadata: { ...object.metadata, uid: `uid-${this.version}`, generation: 1, creationTimestamp: this.#now },
      });
    });
  }

  /** Server-side apply, for objects with one field manager (except for replicas and status). */
  apply(object: Thing): Promise<Thing> {
    return this.#write(`apply ${keyOf(object)}`, () => {
      const old = this.get(keyOf(object));
      if ('immutable' in old && JSON.stringify(old.data) !== JSON.stringify(object.data))
        throw new KubeError(422, 'Invalid', 'immutable');
      const replicas = old.spec?.replicas === undefined ? {} : { replicas: old.spec.replicas };
      return this.#put({
        ...old,
        ...object,
        ...(object.spec && { spec: { ...object.spec, ...replicas } }),
        metadata: { ...old.metadata, ...object.metadata },
      });
    });
  }

  change(what: string, key: string, seen: KubeObject['metadata'], change: (old: Thing) => Thing): Promise<Thing> {
    return this.#write(`${what} ${key}`, () => {
      const old = this.get(key);
      this.#precondition(old, seen);
      return this.#put(change(old));
    });
  }

  remove(key: string, seen: KubeObject['metadata']): Promise<Thing> {
    return this.#write(`delete ${key}`, () => {
      const old = this.get(key);
      this.#precondition(old, seen);
      const { [key]: _, ...rest } = this.objects;
      this.objects = rest;
      this.version += 1;
      return old;
    });
  }

  #precondition(old: Thing, { uid, resourceVersion }: KubeObject['metadata']): void {
    if (
      (uid !== undefined && uid !== old.metadata.uid) ||
      (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
    )
      throw new KubeError(409, 'Conflict', 'the object has been modified');
  }

  #put(object: Thing): Thing {
    const old = this.objects[keyOf(object)];
    if (
      old &&
      JSON.stringify({ ...old, metadata: { ...old.metadata, resourceVersion: '' } }) ===
        JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '' } })
    )
      return old;
    this.version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    this.objects = { ...this.objects, [keyOf(object)]: stored };
    return stored;
  }

  async #write(what: string, commit: () => Thing): Promise<Thing> {
    this.writes.push(what);
    const n = this.writes.length;
    this.#interfere(n, true);
    const answer = commit();
    this.#interfere(n, false);
    return Promise.resolve(answer);
  }
}
