/** REST calls with plain JSON in and out: client-node's models drop fields they do not know. */
import type { Dispatcher } from 'undici';
import { answered } from '../api/flow.ts';
import { apiPath, KIND, kindOf, type Kind } from '../api/kinds.ts';
import { FIELD_MANAGER } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import { kubeError, TooLarge } from './errors.ts';
import { fence, NotLeading } from './fence.ts';
import { parseObject } from './parse.ts';
import type { Pool, Use } from './pool.ts';

const CALL_TIMEOUT_MS = 15_000;
/** Events about one object; every account that makes events can name any. */
const MOST_EVENTS = 100;
const APPLY = 'application/apply-patch+yaml';
const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';

export type Query = Record<string, string | number | boolean | undefined>;
interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
  bodyTimeout?: number;
  /** Throws {@link TooLarge} for a longer answer (bytes). */
  mostBytes?: number;
  /** Whose connections it takes; by default those of calls. */
  use?: Use;
  /** Goes out only while this replica leads. */
  fenced?: boolean;
}
export interface ClientOptions {
  /** Deadline of one call, watches aside. */
  callTimeoutMs?: number;
  /** Told of every call that may change something, for the metrics. */
  onWrite?: (method: string, kind: string) => void;
  /** Whether this replica leads now; asked before each write and again as its first byte goes out. */
  mayWrite?: () => boolean;
}
export interface ObjectList<T> {
  metadata: { resourceVersion?: string; continue?: string };
  /** null for an empty list of metadata only. */
  items: T[] | null;
}

export class KubeClient {
  readonly #pool: Pool;
  readonly #callTimeoutMs: number;
  readonly #onWrite: (method: string, kind: string) => void;
  readonly #mayWrite: () => boolean;
  #fenced: { of: Dispatcher; dispatcher: Dispatcher } | undefined;

  constructor(
    pool: Pool,
    { callTimeoutMs = CALL_TIMEOUT_MS, onWrite = () => undefined, mayWrite = () => true }: ClientOptions = {},
  ) {
    this.#pool = pool;
    this.#callTimeoutMs = callTimeoutMs;
    this.#onWrite = onWrite;
    this.#mayWrite = mayWrite;
  }

  /** Sends one call and gives the open answer; the caller reads the body. A 401 reads the credentials again, once. */
  async open(call: Call): Promise<Dispatcher.ResponseData> {
    const answer = await this.#send(call);
    if (answer.statusCode !== 401) return answer;
    await answer.body.dump();
    this.#pool.refresh();
    return this.#send(call);
  }

  async #send(call: Call): Promise<Dispatcher.ResponseData> {
    const { server, dispatchers, headers } = await this.#pool.access();
    const dispatcher = dispatchers[call.use ?? 'calls'];
    const url = new URL(server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return (call.fenced ? this.#behindFence(dispatcher) : dispatcher).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: call.method,
      signal: call.signal ?? AbortSignal.timeout(this.#callTimeoutMs),
      headers: {
        ...headers,
        accept: call.accept ?? 'application/json',
        'user-agent': 'penstock-operator',
        ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      ...(call.bodyTimeout === undefined ? {} : { bodyTimeout: call.bodyTimeout }),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  }

  #behindFence(dispatcher: Dispatcher): Dispatcher {
    if (this.#fenced?.of !== dispatcher)
      this.#fenced = { of: dispatcher, dispatcher: dispatcher.compose(fence(this.#mayWrite)) };
    return this.#fenced.dispatcher;
  }

  async #call<T>(call: Call): Promise<T> {
    const answer = await this.open(call);
    const text = await bounded(answer.body, call.mostBytes ?? Infinity);
    if (answer.statusCode >= 300) throw kubeError(answer.statusCode, text, answer.headers['retry-after']);
    return parseObject(text) as T;
  }

  #write<T>(call: Call, kind: string): Promise<T> {
    if (!this.#mayWrite()) throw new NotLeading();
    this.#onWrite(call.method, kind);
    return this.#call<T>({ ...call, fenced: true });
  }

  get<T extends KubeObject>(kind: Kind, namespace: string, name: string): Promise<T> {
    return this.#call<T>({ method: 'GET', path: apiPath(kind, namespace, name) });
  }

  list<T>(
    path: string,
    query: Query,
    options: { accept?: string; signal?: AbortSignal; mostBytes?: number } = {},
  ): Promise<ObjectList<T>> {
    return this.#call<ObjectList<T>>({ method: 'GET', path, query, ...options });
  }

  /** Note of the newest Warning event about an object; undefined when there is none. */
  async lastWarning(namespace: string, uid: string): Promise<string | undefined> {
    const { items } = await this.list<{ type?: string; note?: string; metadata: { creationTimestamp?: string } }>(
      apiPath(KIND.event, namespace),
      { fieldSelector: `regarding.uid=${uid},type=Warning`, limit: MOST_EVENTS },
    );
    return items?.sort((a, b) =>
      (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1,
    )[0]?.note;
  }

  /** Creates; 409 AlreadyExists when there is an object of that name, whoever made it. */
  create<T extends KubeObject>(object: T): Promise<T> {
    return this.#write<T>(
      {
        method: 'POST',
        path: apiPath(kindOf(object), object.metadata.namespace),
        query: { fieldManager: FIELD_MANAGER.children },
        body: object,
      },
      object.kind,
    );
  }

  /** Server-side apply: owns exactly the fields of `object`, whoever wrote them before. */
  apply<T extends KubeObject>(object: T): Promise<T> {
    const path = apiPath(kindOf(object), object.metadata.namespace, object.metadata.name);
    return this.#write<T>(
      {
        method: 'PATCH',
        path,
        query: { fieldManager: FIELD_MANAGER.children, force: true },
        body: object,
        contentType: APPLY,
      },
      object.kind,
    );
  }

  /** Merges a change into the status of the very version that `metadata` names; null takes a field away (ADR 7). */
  patchStatus({ apiVersion, kind, metadata }: KubeObject, change: object): Promise<KubeObject> {
    const { namespace, name, uid, resourceVersion } = metadata;
    const path = apiPath(kindOf({ apiVersion, kind, metadata }), namespace, name, 'status');
    return this.#write(
      {
        method: 'PATCH',
        path,
        query: { fieldManager: FIELD_MANAGER.status },
        body: { metadata: { uid, resourceVersion }, status: change },
        contentType: MERGE,
      },
      `${kind}/status`,
    );
  }

  /** Merges metadata into an object, refused if it is no longer the one of `uid`. */
  patchMetadata<T extends KubeObject>(
    kind: Kind,
    { namespace, name, uid }: KubeObject['metadata'],
    change: Pick<KubeObject['metadata'], 'labels' | 'annotations' | 'ownerReferences' | 'finalizers'>,
  ): Promise<T> {
    return this.#write<T>(
      {
        method: 'PATCH',
        path: apiPath(kind, namespace, name),
        query: { fieldManager: FIELD_MANAGER.children },
        body: { metadata: { uid, ...change } },
        contentType: MERGE,
      },
      kind.kind,
    );
  }

  /** Sets the replica count of the very Deployment that was seen (uid and resourceVersion), through its scale subresource, under a field manager of its own. */
  async scale(
    { namespace, name, uid, resourceVersion }: KubeObject['metadata'],
    replicas: number,
  ): Promise<KubeObject> {
    const path = apiPath(KIND.deployment, namespace, name, 'scale');
    return this.#write<KubeObject>(
      {
        method: 'PATCH',
        path,
        query: { fieldManager: FIELD_MANAGER.scale },
        body: { metadata: { uid, resourceVersion }, spec: { replicas } },
        contentType: MERGE,
      },
      'Deployment/scale',
    );
  }

  /**
   * Gives a Deployment its first pod. True when it had none; false when it has some, which stay as many: the patch tests
   * for none, so that nothing has to be read before. API servers leave a count of 0 out [seen on 1.37]; one that wrote it is understood, too.
   */
  async wake(namespace: string, name: string): Promise<boolean> {
    for (const none of [
      { path: '/spec', value: {} },
      { path: '/spec/replicas', value: 0 },
    ]) {
      const body = [
        { op: 'test', ...none },
        { op: 'add', path: '/spec/replicas', value: 1 },
      ];
      try {
        await this.#write(
          {
            method: 'PATCH',
            path: apiPath(KIND.deployment, namespace, name, 'scale'),
            query: { fieldManager: FIELD_MANAGER.scale },
            body,
            contentType: JSON_PATCH,
          },
          'Deployment/scale',
        );
        return true;
      } catch (error) {
        if (!answered(error, 422)) throw error; // 422: the test has failed
      }
    }
    return false;
  }

  /** Deletes the very object that was seen (uid and resourceVersion), its dependents in the background. */
  async remove(object: KubeObject): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid, resourceVersion },
    };
    await this.#write(
      { method: 'DELETE', path: apiPath(kindOf(object), object.metadata.namespace, object.metadata.name), body },
      object.kind,
    );
  }

  /** A call about the Lease itself, which a replica that does not lead must be able to make. */
  async lease<T>(
    method: 'GET' | 'POST' | 'PUT',
    namespace: string,
    name: string,
    options: { body?: T; signal: AbortSignal },
  ): Promise<T> {
    if (method !== 'GET') this.#onWrite(method, KIND.lease.kind);
    return this.#call<T>({
      method,
      path: apiPath(KIND.lease, namespace, method === 'POST' ? undefined : name),
      use: 'lease',
      ...options,
    });
  }
}

/** The text of a body. Throws TooLarge for one of more than `most` bytes, of which it reads no more than those. */
async function bounded(body: AsyncIterable<Buffer>, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > most) throw new TooLarge(`the answer has more than ${most} bytes`); // leaving the loop ends the connection
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
