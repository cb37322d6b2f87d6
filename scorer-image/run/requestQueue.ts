/**
 * Who may go to the worker now, who waits, and for how long. A queue that is bounded in time and bytes; time is handed
 * in, so this is pure. Times are milliseconds of one monotonic clock.
 */
import { Slab } from './slab.ts';

export interface Limits {
  /** Requests in the worker at the same time. */
  maxConcurrent: number;
  /** Requests of one message to a worker. */
  batchSize: number;
  /** A request that has waited longer is refused: 429. */
  maxQueueWaitMs: number;
  /** A request that has not been answered this long after it came gets a 504; the worker may still be at it. */
  requestTimeoutMs: number;
  /** A call that is not back this long after it began never comes back. */
  hangMs: number;
  /** Bodies held: arriving, waiting and in work. */
  maxBytes: number;
}

export interface QueuedRequest<T> {
  readonly item: T;
  /** Of its body, as long as that is held. */
  bytes: number;
  readonly arrived: number;
  sent: number | undefined;
  /** When it began, as far as that is known; or when its worker last gave a sign of life. */
  activeSince: number | undefined;
  /** Its number while it is out. */
  slot: number | undefined;
  /** Somebody has answered it, or its client is gone. */
  settled: boolean;
}

/** Fewer requests are not spread over several messages: one costs as much as some requests. */
const MIN_MESSAGE_REQUESTS = 16;
/** What takes the event loop longer than this is no long turn: the process stood still. */
export const STALL_MS = 50;

export class RequestQueue<T> {
  readonly #limits: Limits;
  /** In the order they came. */
  #waiting: QueuedRequest<T>[] = [];
  /** Sent and not back. */
  readonly #running = new Slab<QueuedRequest<T>>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** So many wait that they are worth a message by themselves. */
  get hasFullMessage(): boolean {
    return this.#waiting.length >= MIN_MESSAGE_REQUESTS;
  }

  /** In the worker, also those that were answered 504 meanwhile. */
  get running(): number {
    return this.#running.size;
  }

  /** More of a body has come; false when it would be too much to hold. Whoever holds, releases. */
  reserveBytes(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  releaseBytes(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Takes a request; undefined when its body would be too much to hold: 429. One that fits alone is always taken. */
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
   * The next message to a free worker, oldest first: its share of what waits, if `messages` can go out now. Who has waited
   * too long and was not told yet, because the process stood still, is left to {@link expireQueued}: the answer would come too late.
   * For a long turn alone nobody is turned away where there is room, however short maxQueueWait is.
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

  /** The worker is done with it. */
  complete(queued: QueuedRequest<T>): void {
    if (queued.slot === undefined) return;
    this.#running.remove(queued.slot);
    queued.slot = undefined;
    this.#bytes -= queued.bytes;
  }

  /** Its answer has begun and goes on: it keeps its place, but its body is of no use any more. */
  startStreaming(queued: QueuedRequest<T>): void {
    this.#bytes -= queued.bytes;
    queued.bytes = 0;
  }

  /** Its client is gone: what waits is dropped; what is out stays out until it is back. */
  cancel(queued: QueuedRequest<T>): void {
    queued.settled = true;
    const at = queued.sent === undefined ? this.#waiting.indexOf(queued) : -1;
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#bytes -= queued.bytes;
  }

  /** Gives up all that wait. */
  clear(): QueuedRequest<T>[] {
    return this.#waiting.splice(0);
  }

  /** Takes out those that have waited too long by now. */
  expireQueued(now: number): QueuedRequest<T>[] {
    const batch = this.#waiting.splice(0, this.#countBefore(now - this.#maxWaitMs));
    for (const queued of batch) {
      queued.settled = true;
      this.#bytes -= queued.bytes;
    }
    return batch;
  }

  /** Of those that are out: whose answer is due by now, and whether a call hangs. */
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

  /** How many of those who wait came no later than `then`: the first ones. */
  #countBefore(then: number): number {
    const late = this.#waiting.findIndex(({ arrived }) => arrived > then);
    return late < 0 ? this.#waiting.length : late;
  }
}
