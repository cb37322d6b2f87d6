/** REST calls with plain JSON in and out: client-node's models drop fields they do not know. */
import { request, type Dispatcher } from 'undici';
import { apiPath, KIND, kindOf, type Kind } from '../api/kinds.ts';
import { FIELD_MANAGER } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import { kubeError } from './errors.ts';
import type { Pool } from './pool.ts';

const CALL_TIMEOUT_MS = 15_000;
const APPLY = 'application/apply-patch+yaml';
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
}
export interface ObjectList<T> {
  metadata: { resourceVersion?: string; continue?: string };
  items: T[];
}

export class KubeClient {
  readonly #pool: Pool;
  readonly #onWrite: (method: string, kind: string) => void;

  /** `onWrite` is told of every call that may change something, for the metrics. */
  constructor(pool: Pool, onWrite: (method: string, kind: string) => void = () => undefined) {
    this.#pool = pool;
    this.#onWrite = onWrite;
  }

  /** Sends one call and gives the open answer; the caller reads the body. */
  async open(call: Call): Promise<Dispatcher.ResponseData> {
    const { server, dispatcher, headers } = await this.#pool.access();
    const url = new URL(server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    return request(url, {
      method: call.method,
      dispatcher,
      signal: call.signal ?? AbortSignal.timeout(CALL_TIMEOUT_MS),
      headers: { ...headers, accept: call.accept ?? 'application/json', 'user-agent': 'penstock-operator', ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }) },
      ...(call.bodyTimeout === undefined ? {} : { bodyTimeout: call.bodyTimeout }),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  }

  async #call<T>(call: Call): Promise<T> {
    const answer = await this.open(call);
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw kubeError(answer.statusCode, text, answer.headers['retry-after']);
    return JSON.parse(text) as T;
  }

  #write<T>(call: Call, kind: string): Promise<T> {
    this.#onWrite(call.method, kind);
    return this.#call<T>(call);
  }

  get<T extends KubeObject>(kind: Kind, namespace: string, name: string): Promise<T> {
    return this.#call<T>({ method: 'GET', path: apiPath(kind, namespace, name) });
  }

  list<T>(path: string, query: Query, options: { accept?: string; signal?: AbortSignal } = {}): Promise<ObjectList<T>> {
    return this.#call<ObjectList<T>>({ method: 'GET', path, query, ...options });
  }

  /** Note of the newest Warning event about an object; undefined when there is none. */
  async lastWarning(namespace: string, uid: string): Promise<string | undefined> {
    const { items } = await this.list<{ type?: string; note?: string; metadata: { creationTimestamp?: string } }>(apiPath(KIND.event, namespace), { fieldSelector: `regarding.uid=${uid},type=Warning` });
    return items.sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))[0]?.note;
  }

  /** Creates; 409 AlreadyExists when there is an object of that name, whoever made it. */
  create<T extends KubeObject>(object: T): Promise<T> {
    return this.#write<T>({ method: 'POST', path: apiPath(kindOf(object), object.metadata.namespace), query: { fieldManager: FIELD_MANAGER.children }, body: object }, object.kind);
  }

  /** Server-side apply: owns exactly the fields of `object`, whoever wrote them before. */
  apply<T extends KubeObject>(object: T): Promise<T> {
    const path = apiPath(kindOf(object), object.metadata.namespace, object.metadata.name);
    return this.#write<T>({ method: 'PATCH', path, query: { fieldManager: FIELD_MANAGER.children, force: true }, body: object, contentType: APPLY }, object.kind);
  }

  /** Applies the status subresource; `object` carries apiVersion, kind, metadata.name, namespace and uid, and status. */
  applyStatus<T extends KubeObject>(object: T): Promise<T> {
    const path = apiPath(kindOf(object), object.metadata.namespace, object.metadata.name, 'status');
    return this.#write<T>({ method: 'PATCH', path, query: { fieldManager: FIELD_MANAGER.status, force: true }, body: object, contentType: APPLY }, `${object.kind}/status`);
  }

  /** Merges annotations into an object's metadata, refused if it is no longer the one of `uid`. */
  annotate<T extends KubeObject>(kind: Kind, { namespace, name, uid }: KubeObject['metadata'], annotations: Record<string, string>): Promise<T> {
    return this.#write<T>({ method: 'PATCH', path: apiPath(kind, namespace, name), query: { fieldManager: FIELD_MANAGER.children }, body: { metadata: { uid, annotations } }, contentType: MERGE }, kind.kind);
  }

  /** Sets the replica count of a Deployment through its scale subresource, under a field manager of its own. */
  async scale(namespace: string, name: string, replicas: number): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/scale`;
    await this.#write({ method: 'PATCH', path, query: { fieldManager: FIELD_MANAGER.scale }, body: { spec: { replicas } }, contentType: MERGE }, 'Deployment/scale');
  }

  replace<T extends KubeObject>(object: T): Promise<T> {
    return this.#write<T>({ method: 'PUT', path: apiPath(kindOf(object), object.metadata.namespace, object.metadata.name), body: object }, object.kind);
  }

  /** Deletes the very object that was seen (uid), its dependents in the background. */
  async remove(object: KubeObject): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid: object.metadata.uid } };
    await this.#write({ method: 'DELETE', path: apiPath(kindOf(object), object.metadata.namespace, object.metadata.name), body }, object.kind);
  }
}
