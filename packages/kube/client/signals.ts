/** AbortSignal, as TypeScript sees it, and as a promise. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A function, because the compiler does not know that the property changes during an await. */
export const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Resolves when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Resolves after `ms`, or as soon as the signal is aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
