/**
 * client-go's work queue: a key is queued once however often it is added, is never processed by two workers at a time,
 * and is queued again if it was added while it was processed.
 */
import { backoff, type FailureClass } from './backoff.ts';

export interface WorkQueueOptions {
  random: () => number;
  setTimer: (work: () => void, ms: number) => { clear: () => void };
  /** Called with the time that a key waited for a worker (milliseconds). */
  onGet?: (waitedMs: number) => void;
}

const realTimers: WorkQueueOptions = {
  random: Math.random,
  setTimer: (work, ms) => {
    const timer = setTimeout(work, ms);
    return { clear: () => clearTimeout(timer) };
  },
};

export class WorkQueue {
  readonly #ready: string[] = [];
  /** Keys to be processed, and when they were added. */
  readonly #dirty = new Map<string, number>();
  /** Keys that are being processed, and since when. */
  readonly #processing = new Map<string, number>();
  /** The last failure of a key, and how many delays it has had for that. */
  readonly #failures = new Map<string, { failure: FailureClass; pauses: number }>();
  readonly #delayed = new Map<string, { at: number; clear: () => void }>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  readonly #options: WorkQueueOptions;
  #stopped = false;

  constructor(options: Partial<WorkQueueOptions> = {}) {
    this.#options = { ...realTimers, ...options };
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.length;
  }

  /** Milliseconds since the oldest key began to be processed; 0 when none is. */
  get longestWorkMs(): number {
    return this.#processing.size === 0 ? 0 : performance.now() - Math.min(...this.#processing.values());
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return;
    this.#dirty.set(key, performance.now());
    if (!this.#processing.has(key)) this.#offer(key);
  }

  /** Adds the key after `ms`; of several calls the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    if (ms <= 0) return this.add(key);
    const at = performance.now() + ms;
    const pending = this.#delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.clear();
    const { clear } = this.#options.setTimer(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, ms);
    this.#delayed.set(key, { at, clear });
  }

  /**
   * Adds a key that failed, after a longer delay each time until {@link forget}, and not before `atLeastMs`. The
   * back-off grows only if the previous delay elapsed: a key that an event re-added early keeps its current delay.
   */
  retry(key: string, failure: FailureClass, atLeastMs = 0): void {
    const last = this.#failures.get(key);
    const pauses = last?.failure === failure ? last.pauses : 0;
    const delayRuns = last !== undefined && this.#delayed.has(key);
    this.#failures.set(key, { failure, pauses: delayRuns ? Math.max(pauses, 1) : pauses + 1 });
    const random = this.#options.random();
    this.addAfter(key, Math.max(backoff(failure, pauses, random), atLeastMs * (1 + random / 4)));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is shut down. Call {@link done} for each key. */
  get(): Promise<string | undefined> {
    if (this.#stopped) return Promise.resolve(undefined);
    const key = this.#ready.shift();
    if (key === undefined) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#begin(key);
    return Promise.resolve(key);
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.has(key) && !this.#stopped) this.#offer(key);
  }

  shutDown(): void {
    this.#stopped = true;
    for (const { clear } of this.#delayed.values()) clear();
    this.#delayed.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #begin(key: string): void {
    const now = performance.now();
    this.#options.onGet?.(now - (this.#dirty.get(key) ?? now));
    this.#dirty.delete(key);
    this.#processing.set(key, now);
  }

  #offer(key: string): void {
    const waiter = this.#waiting.shift();
    if (!waiter) return void this.#ready.push(key);
    this.#begin(key);
    waiter(key);
  }
}
