/**
 * List, then watch, for ever: client-node's informer stops for good on any error. One loop; each failure ends the
 * round, and the next begins after a jittered pause. A 410 lists again; anything else goes on where it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { apiPath, type Kind } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import { cacheKey, type Cache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { KubeError, kubeError } from './errors.ts';

const PAGE = 500;
const IDLE_MS = 150_000; // bookmarks come about each minute: this much silence is a dead connection
const FIRST_PAUSE_MS = 800;
const LONGEST_PAUSE_MS = 30_000;

export interface WatchOptions {
  kind: Kind;
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** Metadata only, of objects that are not ours. */
  metadataOnly?: boolean;
  onError: (error: unknown) => void;
  random?: () => number;
}
interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T & { code?: number; reason?: string; message?: string };
}

export class Reflector<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #cache: Cache<T>;
  readonly #options: WatchOptions;
  #resourceVersion = '';
  #failures = 0;
  #synced = false;
  #lastHeard = performance.now();

  constructor(client: KubeClient, cache: Cache<T>, options: WatchOptions) {
    this.#client = client;
    this.#cache = cache;
    this.#options = options;
  }

  /** The first list is complete. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Milliseconds since the server last said anything. */
  get silentMs(): number {
    return performance.now() - this.#lastHeard;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === '') await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (isAbort(error)) return;
        if (error instanceof KubeError && error.code === 410) this.#resourceVersion = '';
        else this.#options.onError(error);
        await sleep(this.#pause(error), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #pause(error: unknown): number {
    if (error instanceof KubeError && error.retryAfterMs !== undefined) return error.retryAfterMs;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10), LONGEST_PAUSE_MS);
    return pause * (0.5 + (this.#options.random ?? Math.random)());
  }

  get #path(): string {
    return apiPath(this.#options.kind, this.#options.namespace);
  }

  get #accept(): string {
    return this.#options.metadataOnly ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' : 'application/json';
  }

  async #list(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let page: string | undefined;
    let resourceVersion: string;
    do {
      const list = await this.#client.list<T>(this.#path, { limit: PAGE, continue: page, labelSelector: this.#options.labelSelector }, { signal, accept: this.#accept });
      for (const item of list.items) seen.add(cacheKey(this.#take(item)));
      page = list.metadata.continue === '' ? undefined : list.metadata.continue;
      resourceVersion = list.metadata.resourceVersion ?? '';
    } while (page !== undefined);
    const mine = (key: string): boolean => this.#options.namespace === undefined || key.startsWith(`${this.#options.namespace}/`);
    for (const key of [...this.#cache.keys()]) if (mine(key) && !seen.has(key)) this.#cache.remove(key);
    this.#resourceVersion = resourceVersion;
    this.#synced = true;
    this.#heard();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const answer = await this.#client.open({
      method: 'GET', path: this.#path, signal, bodyTimeout: IDLE_MS, accept: this.#accept.replace('MetadataList', 'Metadata'),
      query: { watch: true, allowWatchBookmarks: true, resourceVersion: this.#resourceVersion, timeoutSeconds: 240 + Math.floor(Math.random() * 120), labelSelector: this.#options.labelSelector },
    });
    if (answer.statusCode !== 200) throw kubeError(answer.statusCode, await answer.body.text(), answer.headers['retry-after']);
    for await (const line of lines(answer.body)) this.#handle(JSON.parse(line) as WatchEvent<T>);
  }

  #handle({ type, object }: WatchEvent<T>): void {
    if (type === 'ERROR') throw new KubeError(object.code ?? 500, object.reason ?? '', object.message ?? 'the watch ended with an error');
    if (type === 'DELETED') this.#cache.remove(cacheKey(object));
    else if (type !== 'BOOKMARK') this.#take(object);
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
    this.#failures = 0;
    this.#heard();
  }

  /** List items carry no kind, and nobody needs managedFields: both are put right in a new object. */
  #take(item: T): T {
    const { kind, apiVersion } = this.#options.kind;
    const { managedFields: _, ...metadata } = item.metadata as T['metadata'] & { managedFields?: unknown };
    const object = { ...item, kind, apiVersion, metadata };
    this.#cache.put(object);
    return object;
  }

  #heard(): void {
    this.#lastHeard = performance.now();
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** Lines of a body; not readline, which also splits at U+2028. */
async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString();
      parts = [];
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}
