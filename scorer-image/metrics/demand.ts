/**
 * The demand on this pod, averaged over the last ten seconds, for the autoscaler (DESIGN §6). Times are milliseconds of
 * one monotonic clock and are passed in.
 */

const WINDOW_S = 10;

/** Sums of one second. */
interface Second {
  at: number;
  /** Requests in flight times milliseconds. */
  requestMs: number;
  ended: number;
  rejected: number;
  runs: number;
  runMs: number;
}

export interface DemandFigures {
  /** Average of running and queued requests, plus refused requests, each counted as long as an average run(). */
  concurrency: number;
  requestsPerSecond: number;
  /** Seconds since the last scoring request ended; 0 while there is one. */
  idleSeconds: number;
}

export class Demand {
  readonly #begun: number;
  readonly #seconds: Second[];
  #level = 0;
  #changed: number;
  #lastActive: number;
  /** Mean duration of run() when it was last known: in an overload of long runs, no run() may end within the window. */
  #meanRunMs = 0;

  constructor(now: number) {
    // whole milliseconds, so that each second begins exactly where the previous one ended
    this.#begun = Math.floor(now);
    this.#changed = this.#lastActive = now;
    this.#seconds = Array.from({ length: WINDOW_S + 1 }, () => ({
      at: -1,
      requestMs: 0,
      ended: 0,
      rejected: 0,
      runs: 0,
      runMs: 0,
    }));
  }

  /** The pod accepts requests from now on: its start does not count as idle. */
  ready(now: number): void {
    this.#lastActive = now;
  }

  /** Sets the number of requests that are queued or with a worker from now on. */
  setInFlight(underWay: number, now: number): void {
    this.#accumulate(now);
    this.#level = underWay;
  }

  /** A request has ended. `runMs`: the duration of its run(); undefined if it never started. */
  ended(now: number, { rejected, runMs }: { rejected: boolean; runMs: number | undefined }): void {
    const second = this.#second(Math.floor(this.#secondsSinceStart(now)));
    second.ended += 1;
    if (rejected) second.rejected += 1;
    if (runMs !== undefined) {
      second.runs += 1;
      second.runMs += runMs;
    }
    this.#lastActive = now;
  }

  /** The values of the last ten whole seconds and the current one, or of as many as there have been. */
  figures(now: number): DemandFigures {
    this.#accumulate(now);
    const from = Math.max(Math.floor(this.#secondsSinceStart(now)) - WINDOW_S, 0);
    const seconds = Math.max(this.#secondsSinceStart(now) - from, 0.001);
    let [requestMs, ended, rejected, runs, runMs] = [0, 0, 0, 0, 0];
    for (const second of this.#seconds) {
      if (second.at < from) continue;
      requestMs += second.requestMs;
      ended += second.ended;
      rejected += second.rejected;
      runs += second.runs;
      runMs += second.runMs;
    }
    if (runs > 0) this.#meanRunMs = runMs / runs;
    return {
      concurrency: requestMs / 1000 / seconds + (rejected / seconds) * (this.#meanRunMs / 1000),
      requestsPerSecond: ended / seconds,
      idleSeconds: this.#level > 0 ? 0 : (now - this.#lastActive) / 1000,
    };
  }

  /** Adds the time since the last change to the seconds that it covers. */
  #accumulate(now: number): void {
    if (this.#level > 0) {
      for (let at = Math.max(this.#changed, now - (WINDOW_S + 1) * 1000); at < now;) {
        const second = Math.floor(this.#secondsSinceStart(at));
        const end = Math.min(now, this.#begun + (second + 1) * 1000);
        this.#second(second).requestMs += (end - at) * this.#level;
        at = end;
      }
      this.#lastActive = now;
    }
    this.#changed = now;
  }

  /** Seconds since the start; seconds are numbered by it. */
  #secondsSinceStart(now: number): number {
    return (now - this.#begun) / 1000;
  }

  #second(at: number): Second {
    const second = this.#seconds[at % this.#seconds.length]!;
    if (second.at !== at) Object.assign(second, { at, requestMs: 0, ended: 0, rejected: 0, runs: 0, runMs: 0 });
    return second;
  }
}
