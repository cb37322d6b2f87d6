/** Durations ("1m30s") and quantities ("500m", "1Gi") of the API. */

const DURATION_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const QUANTITY: Record<string, number> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Milliseconds of a duration that matches the CRD's pattern; throws on any other text. */
export function durationMs(text: string): number {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) throw new Error(`not a duration: ${text}`);
  return [...text.matchAll(/([0-9]+)(h|ms|m|s)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * DURATION_MS[unit!]!,
    0,
  );
}

export const durationSeconds = (text: string): number => Math.ceil(durationMs(text) / 1000);

/** A time (milliseconds since the epoch) in RFC 3339 with whole seconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** Milliseconds from a time in RFC 3339 to `now`. */
export const msSince = (since: string, now: number): number => now - Date.parse(since);

/** The number that a quantity stands for. NaN for a text that is not a quantity. */
export function quantity(text: string | number): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/.exec(String(text));
  return match ? Number(match[1]) * QUANTITY[match[2] ?? '']! : NaN;
}
