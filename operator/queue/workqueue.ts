/**
 * client-go's work queue: a key is held once however often it is added, is never worked on twice at a time, and one
 * added while it is worked on comes again afterwards.
 */
import { backoff, type FailureClass } from './backoff.ts';

export interface WorkQueueOptions {
  random: () => number;
  setTimer: (work: () => void, ms: number) => { clear: () => void };
  /** Told how long each key waited for a worker, in milliseconds. */
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
  /** Keys to be worked on, and since when. */
  readonly #dirty = new Map<string, number>();
  /** Keys in work, and since when. */
  readonly #processing = new Map<string, number>();
  /** Of each key that failed: how, and how many pauses it has had for that. */
  readonly #failures = new Map<string, { failure: FailureClass; pauses: number }>();
  readonly #delayed = new Map<string, { at: number; clear: () => void }>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  readonly #options: WorkQueueOptions;
  #stopped = false;

  constructor(options: Partial<WorkQueueOptions> = {}) {
    this.#options = { ...realTimers, ...options };
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#ready.length;
  }

  /** For how long the oldest piece of work has been under way, in milliseconds; 0 when there is none. */
  get longestWorkMs(): number {
    return this.#processing.size === 0 ? 0 : performance.now() - Math.min(...this.#processing.values());
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return;
    this.#dirty.set(key, performance.now());
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

  /**
   * Adds a key that failed, later each time until {@link forget}; not before `atLeastMs`, when the server said so. One
   * that was woken by news and failed before its pause was over has not waited: the same pause goes on.
   */
  retry(key: string, failure: FailureClass, atLeastMs = 0): void {
    const last = this.#failures.get(key);
    const pauses = last?.failure === failure ? last.pauses : 0;
    const rests = last !== undefined && this.#delayed.has(key);
    this.#failures.set(key, { failure, pauses: rests ? Math.max(pauses, 1) : pauses + 1 });
    const random = this.#options.random();
    this.addAfter(key, Math.max(backoff(failure, pauses, random), atLeastMs * (1 + random / 4)));
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
