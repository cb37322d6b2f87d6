/** Waiting for what a process or a server does in its own time. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What the error names; by default the text of the check. */
  what?: string | (() => string);
  everyMs?: number;
}

/** Resolves with the first result of `check` that is neither false nor undefined. Throws, with `what`, after `ms`. */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  ms = 15_000,
  { what = check.toString(), everyMs = 50 }: WaitOptions = {},
): Promise<Exclude<T, false | undefined>> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(everyMs)) {
    const result = await check();
    if (result !== false && result !== undefined) return result as Exclude<T, false | undefined>;
  }
  throw new Error(`not within ${ms / 1000} s: ${typeof what === 'string' ? what : what()}`);
}
