/** Time as programs use it. Tests pass a clock of their own. */

export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now: () => number;
  /** Calls `work` once after `ms`. The timer does not keep the process alive. */
  setTimer: (work: () => void, ms: number) => Timer;
}

export interface Timer {
  /** The work is not called any more. */
  clear: () => void;
}

/** Resolves after `ms`. */
export const sleep = ({ setTimer }: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => setTimer(resolve, ms));

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (work, ms) => {
    const timer = setTimeout(work, ms).unref();
    return { clear: () => clearTimeout(timer) };
  },
};
