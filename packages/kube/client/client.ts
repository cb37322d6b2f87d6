/** The API server's verbs. */
import type { Dispatcher } from 'undici';
import { hasStatus } from '../api/status.ts';
import { apiPath, BUILT_IN, findKind, type Kind } from '../api/kinds.ts';
import type { ClientProfile } from '../api/clientProfile.ts';
import type { KubeObject } from '../api/objects.ts';
import { NotLeading } from './fence.ts';
import type { Pool } from './pool.ts';
import { RestClient, type Call, type Query, type RestOptions } from './rest.ts';

/** Any account that may create Events can write any number about one object: only so many are read. */
const MAX_EVENTS = 100;
const APPLY = 'application/apply-patch+yaml';
const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';

/**
 * JSON Patch operations that test for 0 replicas. API servers omit a count of 0 [seen on 1.37]; one that writes it is
 * understood, too.
 */
const NO_REPLICAS = [
  { op: 'test', path: '/spec', value: {} },
  { op: 'test', path: '/spec/replicas', value: 0 },
];

export interface ClientOptions extends RestOptions {
  /** Called before each request that may change something, for metrics and logs. */
  onWrite?: (method: string, kind: string, path: string) => void;
}

export interface ObjectList<T> {
  metadata: { resourceVersion?: string; continue?: string };
  /** null for an empty list of metadata only. */
  items: T[] | null;
}

type Reference = { namespace?: string | undefined; name: string };
type Patch = { body: unknown; contentType: string; manager: string; subresource?: 'scale' | 'status'; force?: true };

export class KubeClient {
  readonly #profile: ClientProfile;
  readonly #rest: RestClient;
  readonly #onWrite: NonNullable<ClientOptions['onWrite']>;
  readonly #mayWrite: () => boolean;

  constructor(
    pool: Pool,
    profile: ClientProfile,
    { onWrite = () => undefined, mayWrite = () => true, ...options }: ClientOptions = {},
  ) {
    this.#profile = profile;
    this.#rest = new RestClient(pool, profile.userAgent, { ...options, mayWrite });
    this.#onWrite = onWrite;
    this.#mayWrite = mayWrite;
  }

  #kindOf(object: KubeObject): Kind {
    return findKind(this.#profile.kinds, object);
  }

  /** Resolves with the response, whose body the caller reads. */
  open(call: Call): Promise<Dispatcher.ResponseData> {
    return this.#rest.open(call);
  }

  #write<T>(call: Call, kind: string): Promise<T> {
    if (!this.#mayWrite()) throw new NotLeading();
    this.#onWrite(call.method, kind, call.path);
    return this.#rest.call<T>({ ...call, fenced: true });
  }

  #patch<T>(kind: Kind, { namespace, name }: Reference, patch: Patch): Promise<T> {
    const { body, contentType, manager, subresource, force } = patch;
    const path = apiPath(kind, namespace, name, subresource);
    return this.#write<T>(
      { method: 'PATCH', path, query: { fieldManager: manager, force }, body, contentType },
      subresource ? `${kind.kind}/${subresource}` : kind.kind,
    );
  }

  get<T extends KubeObject>(kind: Kind, namespace: string, name: string): Promise<T> {
    return this.#rest.call<T>({ method: 'GET', path: apiPath(kind, namespace, name) });
  }

  /** The metadata of an object, as the watch cache of the API server has it, which may be a moment behind. */
  metadata(kind: Kind, namespace: string, name: string): Promise<KubeObject> {
    return this.#rest.call<KubeObject>({
      method: 'GET',
      path: apiPath(kind, namespace, name),
      query: { resourceVersion: 0 },
      accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    });
  }

  list<T>(
    path: string,
    query: Query,
    options: { accept?: string; signal?: AbortSignal; maxBytes?: number } = {},
  ): Promise<ObjectList<T>> {
    return this.#rest.call<ObjectList<T>>({ method: 'GET', path, query, ...options });
  }

  /** Note of the newest Warning event about an object; undefined when there is none. */
  async lastWarning(namespace: string, uid: string): Promise<string | undefined> {
    const { items } = await this.list<{ note?: string; metadata: { creationTimestamp?: string } }>(
      apiPath(BUILT_IN.event, namespace),
      { fieldSelector: `regarding.uid=${uid},type=Warning`, limit: MAX_EVENTS },
    );
    const createdAt = (event: { metadata: { creationTimestamp?: string } }): string =>
      event.metadata.creationTimestamp ?? '';
    return items?.sort((a, b) => (createdAt(a) < createdAt(b) ? 1 : -1))[0]?.note;
  }

  /** Creates an object. Rejects with 409 AlreadyExists when the name is taken. */
  create<T extends KubeObject>(object: T): Promise<T> {
    const path = apiPath(this.#kindOf(object), object.metadata.namespace);
    const query = { fieldManager: this.#profile.fieldManagers.objects };
    return this.#write<T>({ method: 'POST', path, query, body: object }, object.kind);
  }

  /** Server-side apply with force: takes over exactly the fields of `object` from their managers. */
  apply<T extends KubeObject>(object: T): Promise<T> {
    const patch: Patch = {
      body: object,
      contentType: APPLY,
      manager: this.#profile.fieldManagers.objects,
      force: true,
    };
    return this.#patch<T>(this.#kindOf(object), object.metadata, patch);
  }

  /** Merges a change into the status of exactly the version that `metadata` names; null removes a field (ADR 7). */
  patchStatus(object: KubeObject, change: object): Promise<KubeObject> {
    const { uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion }, status: change };
    const patch: Patch = {
      body,
      contentType: MERGE,
      manager: this.#profile.fieldManagers.status,
      subresource: 'status',
    };
    return this.#patch(this.#kindOf(object), object.metadata, patch);
  }

  /** Merges metadata into an object. Rejects with 409 when the name now belongs to an object of another uid. */
  patchMetadata<T extends KubeObject>(
    kind: Kind,
    { namespace, name, uid }: KubeObject['metadata'],
    change: Pick<KubeObject['metadata'], 'labels' | 'annotations' | 'ownerReferences' | 'finalizers'>,
  ): Promise<T> {
    const body = { metadata: { uid, ...change } };
    return this.#patch<T>(
      kind,
      { namespace, name },
      { body, contentType: MERGE, manager: this.#profile.fieldManagers.objects },
    );
  }

  /**
   * Sets the replica count of exactly the Deployment that was read (uid and resourceVersion). It goes through the scale
   * subresource and has a field manager of its own, so that an apply of the Deployment leaves the count alone.
   */
  scale({ namespace, name, uid, resourceVersion }: KubeObject['metadata'], replicas: number): Promise<KubeObject> {
    const body = { metadata: { uid, resourceVersion }, spec: { replicas } };
    return this.#scale({ namespace, name }, body, MERGE);
  }

  #scale(deployment: Reference, body: unknown, contentType: string): Promise<KubeObject> {
    const patch: Patch = { body, contentType, manager: this.#profile.fieldManagers.scale, subresource: 'scale' };
    return this.#patch(BUILT_IN.deployment, deployment, patch);
  }

  /**
   * Scales a Deployment from 0 replicas to 1. Resolves with false when it has more than 0, which stay as they are: the
   * patch itself tests the count, so nothing has to be read first.
   */
  async scaleFromZero(namespace: string, name: string): Promise<boolean> {
    for (const test of NO_REPLICAS) {
      try {
        await this.#scale({ namespace, name }, [test, { op: 'add', path: '/spec/replicas', value: 1 }], JSON_PATCH);
        return true;
      } catch (error) {
        if (!hasStatus(error, 422)) throw error; // 422: the test operation has failed
      }
    }
    return false;
  }

  /** Deletes exactly the object that was read (uid and resourceVersion), its dependents in the background. */
  async remove(object: KubeObject): Promise<void> {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid, resourceVersion },
    };
    await this.#write({ method: 'DELETE', path: apiPath(this.#kindOf(object), namespace, name), body }, object.kind);
  }

  /** A call about the Lease itself, which a replica that does not lead must be able to make. */
  async lease<T>(
    method: 'GET' | 'POST' | 'PUT',
    namespace: string,
    name: string,
    options: { body?: T; signal: AbortSignal },
  ): Promise<T> {
    const path = apiPath(BUILT_IN.lease, namespace, method === 'POST' ? undefined : name);
    if (method !== 'GET') this.#onWrite(method, BUILT_IN.lease.kind, path);
    return this.#rest.call<T>({ method, path, use: 'lease', ...options });
  }
}
