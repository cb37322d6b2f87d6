/**
 * One timer for the deadlines of all requests: it runs while there are requests, and notices a process that stood
 * still.
 */
import { STALL_MS } from './requestQueue.ts';

/** A deadline is noticed at most so many milliseconds late, while the process runs. */
const TICK_MS = 10;

export interface Deadlines {
  /** Whether any request has a deadline now. */
  isNeeded: () => boolean;
  /**
   * Called every {@link TICK_MS}. `stalled`: the process did not run for {@link STALL_MS}, so responses that workers
   * sent meanwhile may not have been read yet. They get {@link STALL_MS} more before a request counts as timed out.
   */
  check: (now: number, stalled: boolean) => void;
}

export class DeadlineTimer {
  readonly #deadlines: Deadlines;
  #timer: NodeJS.Timeout | undefined;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** Starts the timer where it is needed and does not run yet. */
  arm(): void {
    this.#arm(false);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(afterStall: boolean): void {
    if (this.#timer || !this.#deadlines.isNeeded()) return;
    const delayMs = afterStall ? STALL_MS : TICK_MS;
    const expectedAt = performance.now() + delayMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = performance.now();
      // Never twice in a row: a process that is busy all the time would postpone every deadline.
      const stalled = now - expectedAt > STALL_MS && !afterStall;
      this.#deadlines.check(now, stalled);
      this.#arm(stalled);
    }, delayMs);
  }
}
