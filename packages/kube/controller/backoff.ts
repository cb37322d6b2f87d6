/** Exponential back-off, by kind of failure. */

/**
 * `conflict`: another writer was faster. `overloaded`: the API server is overloaded or unreachable. `failed`: anything
 * else.
 */
export type FailureClass = 'conflict' | 'overloaded' | 'failed';

const DELAY_MS: Record<FailureClass, [first: number, longest: number]> = {
  conflict: [20, 5_000],
  overloaded: [250, 60_000],
  failed: [50, 300_000],
};

/** Delay before the n-th retry (n from 0), in milliseconds: doubling, ±25 % by `random` in [0, 1). */
export function backoff(failure: FailureClass, n: number, random: number): number {
  const [first, longest] = DELAY_MS[failure];
  return Math.round(Math.min(first * 2 ** Math.min(n, 30), longest) * (0.75 + random / 2));
}
