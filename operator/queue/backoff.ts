/** Delay before the n-th retry (n from 0), in milliseconds: doubling from 50 ms to 5 minutes, ±25 % by `random` in [0, 1). */
export function backoff(n: number, random: number): number {
  return Math.round(Math.min(50 * 2 ** Math.min(n, 30), 300_000) * (0.75 + random / 2));
}
