/** What a user with every right does to the API server, without a process a call: apply, patch, delete, look. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ignoreNotFound } from '@penstock/kube/api/status';
import { apiPath, type Kind } from '@penstock/kube/api/kinds';
import { CLIENT_PROFILE, kindOf } from '../../../operator/api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { KubeClient } from '@penstock/kube/client/client';
import { KubeError, kubeError } from '@penstock/kube/client/errors';
import { lines } from '@penstock/kube/client/lines';
import { kubeConfig, Pool } from '@penstock/kube/client/pool';
import { isAborted } from '@penstock/kube/client/signals';

export type AnyObject = KubeObject & Record<string, unknown>;

export class Admin {
  readonly #pool: Pool;
  readonly #client: KubeClient;

  constructor(kubeconfig: string) {
    this.#pool = new Pool(() => kubeConfig(kubeconfig));
    this.#client = new KubeClient(this.#pool, CLIENT_PROFILE, { callTimeoutMs: 30_000 });
  }

  async call<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options: { query?: Record<string, string | boolean>; body?: unknown; contentType?: string } = {},
  ): Promise<T> {
    const answer = await this.#client.open({ method, path, ...options });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw kubeError(answer.statusCode, text);
    return JSON.parse(text) as T;
  }

  /** Server-side apply, as `kubectl apply --server-side`. */
  apply(object: KubeObject): Promise<AnyObject> {
    return this.call('PATCH', apiPath(kindOf(object), object.metadata.namespace, object.metadata.name), {
      query: { fieldManager: 'user', force: true },
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
  }

  create(object: KubeObject): Promise<AnyObject> {
    return this.call('POST', apiPath(kindOf(object), object.metadata.namespace), { body: object });
  }

  /** A JSON merge patch of an object or of one of its subresources. */
  merge(
    kind: Kind,
    namespace: string,
    name: string,
    change: { body: object; subresource?: string },
  ): Promise<AnyObject> {
    return this.call('PATCH', apiPath(kind, namespace, name, change.subresource), {
      body: change.body,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Undefined when there is none. */
  get(kind: Kind, namespace: string, name: string): Promise<AnyObject | undefined> {
    return this.call<AnyObject>('GET', apiPath(kind, namespace, name)).catch(ignoreNotFound);
  }

  async list(kind: Kind, namespace?: string): Promise<AnyObject[]> {
    const { items } = await this.call<{ items: AnyObject[] }>('GET', apiPath(kind, namespace));
    return items.map((item) => ({ ...item, kind: kind.kind, apiVersion: kind.apiVersion }));
  }

  async remove(kind: Kind, namespace: string, name: string): Promise<void> {
    await this.call('DELETE', apiPath(kind, namespace, name), { body: { propagationPolicy: 'Background' } }).catch(
      ignoreNotFound,
    );
  }

  async namespace(name: string): Promise<void> {
    await this.call('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  }

  /** Follows a kind in all namespaces from now on, for ever; the objects that are there come first. */
  async follow(
    kind: Kind,
    signal: AbortSignal,
    onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyObject) => void,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        const list = await this.call<{ metadata: { resourceVersion: string }; items: AnyObject[] }>(
          'GET',
          apiPath(kind),
        );
        for (const item of list.items) onEvent('ADDED', item);
        const answer = await this.#client.open({
          method: 'GET',
          path: apiPath(kind),
          query: { watch: true, resourceVersion: list.metadata.resourceVersion },
          signal,
          bodyTimeout: 0,
        });
        for await (const line of lines(answer.body)) {
          const event = JSON.parse(line) as { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: AnyObject };
          onEvent(event.type, event.object);
        }
      } catch (error) {
        if (isAborted(signal)) return;
        if (!(error instanceof KubeError && error.code === 429))
          console.error(`following ${kind.plural}: ${(error as Error).message}`); // 429: a CRD that is new
        await sleep(100);
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
