/** A request that waits for a pod, its body unread; and the answers that the activator gives itself. */
import { HEADER } from '@penstock/contract';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may wait for a pod (milliseconds). */
export const QUEUE_TIMEOUT_MS = 60_000;

/** For the rest of a request whose answer is known (milliseconds). */
const DRAIN_MS = 10_000;
const VALID_ID = /^[\x21-\x7e]{1,128}$/;

export class BufferedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path without the query. */
  readonly path: string;
  readonly since = performance.now();
  #deadline: NodeJS.Timeout | undefined;
  #onTimeout: () => void = () => undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.path = (request.url ?? '').split('?', 1)[0]!;
  }

  /** Nobody waits for an answer any more, or has got one. */
  get responded(): boolean {
    return this.response.headersSent || this.response.destroyed;
  }

  /** Calls `onTimeout` if it is still held at its deadline, and `onGone` when its client goes first. */
  startTimeout(onTimeout: () => void, onGone: () => void): void {
    this.#onTimeout = onTimeout;
    this.response.once('close', () => {
      this.stopTimeout();
      onGone();
    });
    this.restartTimeout();
  }

  /** Waits on, until the same deadline. */
  restartTimeout(): void {
    this.#deadline = setTimeout(
      this.#onTimeout,
      Math.max(0, QUEUE_TIMEOUT_MS - (performance.now() - this.since)),
    ).unref();
  }

  stopTimeout(): void {
    clearTimeout(this.#deadline);
  }

  /** Lets the client send the rest of a body that nobody reads, or its answer would be lost with the connection; but not for ever. */
  drain(): void {
    if (this.request.complete) return;
    const { socket } = this.request;
    const patience = setTimeout(() => socket.destroy(), DRAIN_MS).unref();
    this.request.once('close', () => clearTimeout(patience)).resume();
  }

  /** The whole answer, in the words of the path's protocol: V2 says `error`, Azure says `message`. The connection stays good. */
  fail(status: number, message: string, headers: Record<string, string> = {}): void {
    this.send(status, JSON.stringify(this.path.startsWith('/v2') ? { error: message } : { message }), headers);
  }

  send(status: number, body: string, headers: Record<string, string> = {}): void {
    this.stopTimeout();
    if (this.responded) return;
    this.drain();
    const given = this.request.headers[HEADER.requestId];
    const id = typeof given === 'string' && VALID_ID.test(given) ? given : randomUUID();
    this.response
      .writeHead(status, {
        [HEADER.requestId]: id,
        [HEADER.msRequestId]: id,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...headers,
      })
      .end(body);
  }
}
