/**
 * client-go's work queue: a key is held once however often it is added, is never worked on twice at a time, and one
 * added while it is worked on comes again afterwards. Only the reason it was first added for is kept, for the log.
 */
import { backoff } from './backoff.ts';

export interface WorkQueueOptions {
  random: () => number;
  setTimer: (work: () => void, ms: number) => { clear: () => void };
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
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; clear: () => void }>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  readonly #options: WorkQueueOptions;
  #stopped = false;

  constructor(options: WorkQueueOptions = realTimers) {
    this.#options = options;
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#ready.length;
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#offer(key);
  }

  /** Adds the key in `ms`; the earliest of several wins. */
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

  /** Adds a key that failed, later each time until {@link forget}. */
  retry(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, backoff(failures, this.#options.random()));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is shut down. Each key got must be given to {@link done}. */
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
    this.#dirty.delete(key);
    this.#processing.add(key);
  }

  #offer(key: string): void {
    const waiter = this.#waiting.shift();
    if (!waiter) return void this.#ready.push(key);
    this.#begin(key);
    waiter(key);
  }
}
