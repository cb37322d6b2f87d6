/** A request that waits for a pod with its body unread, and the responses that the activator sends itself. */
import { errorBody } from '@penstock/server/errorBody';
import type { Clock, Timer } from '@penstock/server/clock';
import { requestIds } from '@penstock/server/requestIds';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long the rest of a request body is read after its response was sent (milliseconds). */
const DRAIN_MS = 10_000;

export class BufferedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path without the query. */
  readonly path: string;
  readonly #clock: Clock;
  readonly #since: number;
  #timeout: Timer | undefined;
  #timeoutMs = 0;
  #onTimeout: () => void = () => undefined;

  constructor(request: IncomingMessage, response: ServerResponse, clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.request = request;
    this.response = response;
    this.path = (request.url ?? '').split('?', 1)[0]!;
  }

  /** A response has been started, or the client has disconnected. */
  get responded(): boolean {
    return this.response.headersSent || this.response.destroyed;
  }

  /** Calls `onTimeout` when it has waited for `ms`, and `onGone` when the client disconnects before that. */
  startTimeout(ms: number, onTimeout: () => void, onGone: () => void): void {
    this.#timeoutMs = ms;
    this.#onTimeout = onTimeout;
    this.response.once('close', () => {
      this.stopTimeout();
      onGone();
    });
    this.restartTimeout();
  }

  /** Starts the timeout again after {@link stopTimeout}, with the same deadline. */
  restartTimeout(): void {
    const leftMs = Math.max(0, this.#timeoutMs - (this.#clock.now() - this.#since));
    this.#timeout = this.#clock.setTimer(this.#onTimeout, leftMs);
  }

  stopTimeout(): void {
    this.#timeout?.clear();
  }

  /** Reads and discards the rest of the body for a while: a client that cannot send it might lose the response. */
  drain(): void {
    if (this.request.complete) return;
    const { socket } = this.request;
    const timer = this.#clock.setTimer(() => socket.destroy(), DRAIN_MS);
    this.request.once('close', () => timer.clear()).resume();
  }

  /** Responds in the form of the path's protocol: V2 has `error`, Azure ML has `message`. The connection stays open. */
  fail(status: number, message: string, headers: Record<string, string> = {}): void {
    this.send(status, errorBody(this.path, message), headers);
  }

  send(status: number, body: string, headers: Record<string, string> = {}): void {
    this.stopTimeout();
    if (this.responded) return;
    this.drain();
    const all = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
    const ids = requestIds(this.request.headers).headers;
    this.response.writeHead(status, [...ids, ...Object.entries(all).flat()]).end(body);
  }
}
