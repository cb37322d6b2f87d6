/** How much is asked of this pod, averaged over the last ten seconds: what the autoscaler goes by (DESIGN §6). Times are milliseconds of one monotonic clock, handed in. */

const WINDOW_S = 10;

/** What happened within one second. */
interface Second {
  at: number;
  /** Requests under way, times milliseconds. */
  requestMs: number;
  ended: number;
  rejected: number;
  runs: number;
  runMs: number;
}

export interface DemandFigures {
  /** Requests busy and queued on average, and those that were refused, as far as they would have kept the pod busy. */
  concurrency: number;
  requestsPerSecond: number;
  /** Since the last request for a score was over; 0 while there is one. */
  idleSeconds: number;
}

export class Demand {
  readonly #begun: number;
  readonly #seconds: Second[];
  #level = 0;
  #changed: number;
  #lastActive: number;
  /** Mean time of a run() when there last was one: in an overload of long runs some windows have none. */
  #meanRunMs = 0;

  constructor(now: number) {
    this.#begun = Math.floor(now); // whole milliseconds, so that seconds begin exactly where the one before ended
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

  /** The pod can be asked from now on: what it took to start was not idleness. */
  ready(now: number): void {
    this.#lastActive = now;
  }

  /** From now on so many requests are under way in the pod: queued, or with a worker. */
  setInFlight(underWay: number, now: number): void {
    this.#accumulate(now);
    this.#level = underWay;
  }

  /** A request is over; `runMs` is the time its run() took, absent when it never got there. */
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

  /** The figures of the last ten whole seconds and the one that runs, or of as many as there have been. */
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

  /** Books the time since the last change under the seconds it lies in. */
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

  /** Seconds since the pod began, which is how they are numbered. */
  #secondsSinceStart(now: number): number {
    return (now - this.#begun) / 1000;
  }

  #second(at: number): Second {
    const second = this.#seconds[at % this.#seconds.length]!;
    if (second.at !== at) Object.assign(second, { at, requestMs: 0, ended: 0, rejected: 0, runs: 0, runMs: 0 });
    return second;
  }
}
