/**
 * A queue of requests with limits of concurrency, time and bytes. Times are milliseconds of one monotonic clock and are
 * passed in. Pure.
 */
import { Slab } from './slab.ts';

export interface Limits {
  /** Requests that workers process at the same time. */
  maxConcurrent: number;
  /** Requests in one message to a worker. */
  batchSize: number;
  /** A request that has waited longer gets 429. */
  maxQueueWaitMs: number;
  /** A request without a response after this time gets 504; its worker may go on with it. */
  requestTimeoutMs: number;
  /** A call that runs longer counts as hung. */
  hangMs: number;
  /** Bytes of all bodies that are uploaded, queued or processed. */
  maxBytes: number;
}

export interface QueuedRequest<T> {
  readonly item: T;
  /** Of its body, while that is kept. */
  bytes: number;
  readonly arrived: number;
  sent: number | undefined;
  /** When it was sent, or when its worker was last responsive since. */
  activeSince: number | undefined;
  /** Index among the running requests. */
  slot: number | undefined;
  /** It has its response, or its client has disconnected. */
  settled: boolean;
}

/** Fewer requests are not spread over several messages, because a message costs as much as some requests. */
const MIN_MESSAGE_REQUESTS = 16;
/** An event-loop delay above this counts as a process stall (SIGSTOP, CPU starvation). */
export const STALL_MS = 50;

export class RequestQueue<T> {
  readonly #limits: Limits;
  /** Queued requests, oldest first. */
  #waiting: QueuedRequest<T>[] = [];
  /** Requests that were sent and are not complete. */
  readonly #running = new Slab<QueuedRequest<T>>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether enough requests are queued for a message. */
  get hasFullMessage(): boolean {
    return this.#waiting.length >= MIN_MESSAGE_REQUESTS;
  }

  /** Requests in workers, also those that were answered with 504 meanwhile. */
  get running(): number {
    return this.#running.size;
  }

  /** Reserves memory for a part of a body; false when the limit is reached. Call {@link releaseBytes} for it. */
  reserveBytes(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  releaseBytes(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * Queues a request. Undefined, for 429, when its body exceeds the memory that is left; alone, a request is always
   * accepted.
   */
  enqueue(item: T, bytes: number, now: number): QueuedRequest<T> | undefined {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.maxBytes) return undefined;
    this.#bytes += bytes;
    const queued = {
      item,
      bytes,
      arrived: now,
      sent: undefined,
      activeSince: undefined,
      slot: undefined,
      settled: false,
    };
    this.#waiting.push(queued);
    return queued;
  }

  /**
   * Dequeues one batch, oldest first: the share of one of `messages` messages. Requests past maxQueueWait are left for
   * {@link expireQueued} (429), but never for a delay shorter than {@link STALL_MS}, so that a long turn of the event
   * loop alone refuses no request.
   */
  dequeueBatch(now: number, messages = 1): QueuedRequest<T>[] {
    const { maxConcurrent, batchSize } = this.#limits;
    const share = Math.max(MIN_MESSAGE_REQUESTS, Math.ceil(this.#waiting.length / messages));
    const free = Math.min(maxConcurrent - this.#running.size, batchSize, share);
    if (free <= 0 || this.#waiting.length === 0) return [];
    const batch = this.#waiting.splice(this.#countBefore(now - Math.max(this.#maxWaitMs, STALL_MS)), free);
    for (const queued of batch) {
      queued.sent = queued.activeSince = now;
      queued.slot = this.#running.insert(queued);
    }
    return batch;
  }

  /** The worker has finished it. */
  complete(queued: QueuedRequest<T>): void {
    if (queued.slot === undefined) return;
    this.#running.remove(queued.slot);
    queued.slot = undefined;
    this.#bytes -= queued.bytes;
  }

  /** Its response is streamed: it keeps its place, and its body is no longer needed. */
  startStreaming(queued: QueuedRequest<T>): void {
    this.#bytes -= queued.bytes;
    queued.bytes = 0;
  }

  /** Its client has disconnected. A queued request is removed; a running one keeps its place until it is complete. */
  cancel(queued: QueuedRequest<T>): void {
    queued.settled = true;
    const at = queued.sent === undefined ? this.#waiting.indexOf(queued) : -1;
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#bytes -= queued.bytes;
  }

  /** Removes and returns all queued requests. */
  clear(): QueuedRequest<T>[] {
    return this.#waiting.splice(0);
  }

  /** Removes and returns the queued requests that have waited too long. */
  expireQueued(now: number): QueuedRequest<T>[] {
    const batch = this.#waiting.splice(0, this.#countBefore(now - this.#maxWaitMs));
    for (const queued of batch) {
      queued.settled = true;
      this.#bytes -= queued.bytes;
    }
    return batch;
  }

  /** The running requests that have just timed out, and whether a call hangs. */
  expireRunning(now: number): { timedOut: QueuedRequest<T>[]; hung: boolean } {
    const { requestTimeoutMs, hangMs } = this.#limits;
    const timedOut: QueuedRequest<T>[] = [];
    let hung = false;
    for (const queued of this.#running.values()) {
      if (now - queued.activeSince! >= hangMs) hung = true;
      if (queued.settled || now - queued.arrived < requestTimeoutMs) continue;
      queued.settled = true;
      timedOut.push(queued);
    }
    return { timedOut, hung };
  }

  get #maxWaitMs(): number {
    return Math.min(this.#limits.maxQueueWaitMs, this.#limits.requestTimeoutMs);
  }

  /** Number of queued requests that arrived at or before `then`. */
  #countBefore(then: number): number {
    const late = this.#waiting.findIndex(({ arrived }) => arrived > then);
    return late < 0 ? this.#waiting.length : late;
  }
}
