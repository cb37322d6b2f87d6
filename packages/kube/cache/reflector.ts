/**
 * Lists, then watches, until the signal is aborted; client-node's informer stops for good on any error. After a failure
 * the loop continues with a jittered delay: a 410 lists again, anything else watches from the last version. A list from
 * an API server that is behind what was already seen is refused and requested again.
 */
import { apiPath, type Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import { objectKey } from '../api/keys.ts';
import type { Cache } from './cache.ts';
import type { KubeClient, ObjectList } from '../client/client.ts';
import type { Query } from '../client/rest.ts';
import { KubeError, kubeError, TooLarge } from '../client/errors.ts';
import { lines } from '../client/lines.ts';
import { parseObject } from '../client/parse.ts';
import { isAborted, pause } from '../client/signals.ts';

const PAGE = 500;
/** A longer page is requested again with fewer objects: an object may have some 1.5 MiB, and a page is one string. */
const PAGE_BYTES = 8 * 2 ** 20;
const MIN_PAUSE_MS = 800;
const MAX_PAUSE_MS = 30_000;

export interface WatchOptions {
  kind: Kind;
  /** Undefined: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** Only name, namespace, uid and resourceVersion are cached. */
  metadataOnly?: boolean;
  /** A connection without an event for this long is closed; the API server sends a bookmark about once a minute. */
  idleMs: number;
  onError: (error: unknown) => void;
  random?: () => number;
  /** Waits before the next attempt; resolves early when the signal is aborted. */
  pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}
interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T & { code?: number; reason?: string; message?: string };
}

export class Reflector<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #cache: Cache<T>;
  readonly #options: WatchOptions;
  /** The version to watch from; empty: list first. */
  #resourceVersion = '';
  /** The newest version that a list or the watch has reported. */
  #lastResourceVersion = 0;
  #failures = 0;
  #synced = false;
  readonly #firstList = Promise.withResolvers<undefined>();
  #lastEventAt = performance.now();

  constructor(client: KubeClient, cache: Cache<T>, options: WatchOptions) {
    this.#client = client;
    this.#cache = cache;
    this.#options = options;
  }

  /** The first list is complete. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Resolves when the first list is complete. */
  get whenSynced(): Promise<undefined> {
    return this.#firstList.promise;
  }

  /** The cache has every change up to this resourceVersion, so the response to a write must be newer to matter. */
  get lastResourceVersion(): number {
    return this.#lastResourceVersion;
  }

  /** Milliseconds since the last event. */
  get msSinceLastEvent(): number {
    return performance.now() - this.#lastEventAt;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === '') await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (isAborted(signal)) return;
        if (error instanceof KubeError && error.code === 410) this.#resourceVersion = '';
        else this.#options.onError(error);
        await (this.#options.pause ?? pause)(this.#pauseMs(error), signal);
      }
    }
  }

  #pauseMs(error: unknown): number {
    const jitter = (this.#options.random ?? Math.random)();
    if (error instanceof KubeError && error.retryAfterMs !== undefined) return error.retryAfterMs * (1 + jitter / 2);
    return Math.min(MIN_PAUSE_MS * 2 ** Math.min(this.#failures++, 10), MAX_PAUSE_MS) * (0.5 + jitter);
  }

  get #path(): string {
    return apiPath(this.#options.kind, this.#options.namespace);
  }

  get #accept(): string {
    return this.#options.metadataOnly
      ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
      : 'application/json';
  }

  async #list(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    const notOlder =
      this.#lastResourceVersion > 0
        ? { resourceVersion: String(this.#lastResourceVersion), resourceVersionMatch: 'NotOlderThan' }
        : {};
    let page: string | undefined;
    let limit = PAGE;
    let resourceVersion: string;
    this.#cache.listBegins(this.#options.namespace);
    do {
      const from = page === undefined ? notOlder : { continue: page };
      const { list, limit: worked } = await this.#fetchPage(from, limit, signal);
      limit = worked;
      resourceVersion = list.metadata.resourceVersion ?? '';
      if (Number(resourceVersion) < this.#lastResourceVersion)
        throw new Error(
          `a list of ${this.#options.kind.plural} is of version ${resourceVersion}, but ${this.#lastResourceVersion} was seen before: that API server is behind`,
        );
      for (const item of list.items ?? []) {
        seen.add(objectKey(item));
        this.#upsert(item);
      }
      page = list.metadata.continue === '' ? undefined : list.metadata.continue;
    } while (page !== undefined);
    this.#removeUnlisted(seen, Number(resourceVersion));
    this.#resourceVersion = resourceVersion;
    this.#lastResourceVersion = Number(resourceVersion);
    this.#synced = true;
    this.#firstList.resolve(undefined);
    this.#touch();
  }

  /**
   * Removes the objects that a list did not have. An object that is newer than the list was created by ourselves
   * meanwhile.
   */
  #removeUnlisted(listed: ReadonlySet<string>, listVersion: number): void {
    const { namespace } = this.#options;
    const isStale = ({ metadata }: T): boolean =>
      (namespace ?? metadata.namespace) === metadata.namespace && Number(metadata.resourceVersion) <= listVersion;
    for (const object of [...this.#cache.values()])
      if (isStale(object) && !listed.has(objectKey(object))) this.#cache.remove(objectKey(object));
    this.#cache.listEnds(listed, namespace);
  }

  /** One page of at most `most` objects, or of fewer where these exceed {@link PAGE_BYTES}. */
  async #fetchPage(from: Query, most: number, signal: AbortSignal): Promise<{ list: ObjectList<T>; limit: number }> {
    for (let limit = most; ; limit = Math.ceil(limit / 4)) {
      try {
        const query = { limit, labelSelector: this.#options.labelSelector, ...from };
        const list = await this.#client.list<T>(this.#path, query, {
          accept: this.#accept,
          maxBytes: limit > 1 ? PAGE_BYTES : Infinity,
          signal: AbortSignal.any([signal, AbortSignal.timeout(this.#options.idleMs)]),
        });
        return { list, limit };
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error;
      }
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const answer = await this.#client.open({
      method: 'GET',
      path: this.#path,
      use: 'watches',
      signal,
      bodyTimeout: this.#options.idleMs,
      accept: this.#accept.replace('MetadataList', 'Metadata'),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: 240 + Math.floor(Math.random() * 120),
        labelSelector: this.#options.labelSelector,
      },
    });
    if (answer.statusCode !== 200)
      throw kubeError(answer.statusCode, await answer.body.text(), answer.headers['retry-after']);
    for await (const line of lines(answer.body)) this.#handle(parseObject(line) as WatchEvent<T>);
  }

  #handle({ type, object }: WatchEvent<T>): void {
    if (type === 'ERROR')
      throw new KubeError(object.code ?? 500, object.reason ?? '', object.message ?? 'the watch ended with an error');
    if (type === 'DELETED')
      this.#cache.remove(objectKey(object), object.metadata.uid, Number(object.metadata.resourceVersion));
    else if (type !== 'BOOKMARK') this.#upsert(object);
    const version = Number(object.metadata.resourceVersion);
    if (version > this.#lastResourceVersion)
      [this.#lastResourceVersion, this.#resourceVersion] = [version, object.metadata.resourceVersion!];
    this.#failures = 0;
    this.#touch();
    if (type === 'BOOKMARK' && this.#cache.hasRoomAgain(this.#options.namespace))
      throw new KubeError(410, 'Expired', 'there is room for objects that were left out: listed again');
  }

  /** Adds kind and apiVersion, which list items lack, and drops managedFields. */
  #upsert(item: T): void {
    const { kind, apiVersion } = this.#options.kind;
    const { managedFields: _, ...metadata } = item.metadata as T['metadata'] & { managedFields?: unknown };
    const object = {
      ...item,
      kind,
      apiVersion,
      metadata: this.#options.metadataOnly ? identity(item.metadata) : metadata,
    };
    this.#cache.put(object);
  }

  #touch(): void {
    this.#lastEventAt = performance.now();
  }
}

/** Annotations are dropped, because kubectl keeps a whole ConfigMap in one. */
const identity = ({ name, namespace, uid, resourceVersion }: KubeObject['metadata']): KubeObject['metadata'] => ({
  name,
  ...(namespace && { namespace }),
  uid: uid!,
  resourceVersion: resourceVersion!,
});
