/** The activator's pods, in the operator's own namespace: who takes requests for pipelines without pods. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import { KIND } from '../api/kinds.ts';
import type { Stored } from '../api/objects.ts';
import { isReady } from '../api/pods.ts';
import { Cache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { Reflector } from './watch.ts';

/** Labels that the chart gives them. */
const SELECTOR = 'app.kubernetes.io/name=penstock,app.kubernetes.io/component=activator';

export class Activators {
  readonly #cache = new Cache<Stored<Pod>>();
  readonly #reflector: Reflector<Stored<Pod>>;

  constructor(client: KubeClient, { namespace, idleMs, onError }: { namespace: string; idleMs: number; onError: (error: unknown) => void }) {
    this.#reflector = new Reflector(client, this.#cache, { kind: KIND.pod, namespace, labelSelector: SELECTOR, idleMs, onError });
  }

  get synced(): boolean {
    return this.#reflector.synced;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  /** Of those that are Ready, in an order that does not change. */
  addresses(): string[] {
    return [...this.#cache.values()].filter(isReady).flatMap(({ status }) => status?.podIP ?? []).sort();
  }

  /** Tells when other addresses are Ready than before. */
  onChange(listener: () => void): void {
    let before = '';
    this.#cache.onChange(() => {
      const now = this.addresses().join();
      if (now !== before) listener();
      before = now;
    });
  }
}
