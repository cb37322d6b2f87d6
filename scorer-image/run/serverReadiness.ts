/** Whether a server of the user's own can take requests: one state for all workers that send it some. */
import type { OwnServer } from '@penstock/contract';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** The containers of a pod share it. */
export const SERVER_HOST = '127.0.0.1';
const INTERVAL_MS = 200;
const TIMEOUT_MS = 5_000;

export class ServerReadiness {
  readonly #server: OwnServer;
  readonly #closed = new AbortController();
  #polling: Promise<void> | undefined;
  #lostSince: number | undefined;

  constructor(server: OwnServer) {
    this.#server = server;
  }

  /** A request had no response, and the readiness path has not answered since. */
  get isLost(): boolean {
    return this.#lostSince !== undefined;
  }

  /** How long it is lost. */
  get lostForMs(): number {
    return this.#lostSince === undefined ? 0 : performance.now() - this.#lostSince;
  }

  /**
   * Resolves as soon as the readiness path answers; never after {@link close}. All callers share the requests to it.
   */
  ready(): Promise<void> {
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined;
      this.#lostSince = undefined;
    });
    return this.#polling;
  }

  /** A request had no response: nothing is sent until the readiness path answers. */
  lose(): Promise<void> {
    this.#lostSince ??= performance.now();
    return this.ready();
  }

  close(): void {
    this.#closed.abort();
  }

  async #poll(): Promise<void> {
    while (!(await this.#answers())) {
      if (this.#closed.signal.aborted) return new Promise(() => undefined);
      await sleep(INTERVAL_MS, undefined, { ref: false });
    }
  }

  /** Whether a GET has a status of 2xx or 3xx, as for a probe of the kubelet. It has a connection of its own. */
  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const { port, readinessPath: path } = this.#server;
      const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(TIMEOUT_MS)]);
      request({ host: SERVER_HOST, port, path, signal, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode! >= 200 && response.statusCode! < 400);
      })
        .on('upgrade', (_, socket) => {
          socket.destroy();
          resolve(false);
        })
        .on('error', () => resolve(false)) // it does not listen yet
        .end();
    });
  }
}
