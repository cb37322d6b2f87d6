/** The kinds of failure of a reconcile, and what each of them leads to. */
import { hasStatus } from '@penstock/kube/api/status';
import type { Result } from '@penstock/kube/controller/result';
import { REASON } from './reasons.ts';

/**
 * The user must act. Not retried until a watched object changes; `recheckMs` for causes that produce no watch event.
 */
export class Stalled extends Error {
  readonly reason: string;
  readonly recheckMs: number | undefined;
  constructor(reason: string, message: string, recheckMs?: number) {
    super(message);
    this.reason = reason;
    this.recheckMs = recheckMs;
  }
}

/** Another object must change first, and its watch event will wake the key. */
export class Waiting extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Waiting for ModelVersion.status.usedBy, which takes a moment: not written to the status at first. */
export class ModelUsageNotRecorded extends Waiting {}

/** How a step of a reconcile ended. Any error but Stalled and Waiting is retried with back-off. */
export interface Attempt<T = unknown> {
  value?: T;
  error?: Error;
}

/** 400 and 422: the API server refuses the child, and would do so again; its message names the field. */
function invalidObject(error: unknown): Stalled | undefined {
  return hasStatus(error, 400, 422) ? new Stalled(REASON.invalid, (error as Error).message) : undefined;
}

/** 403 while the namespace terminates is expected: wait, do not retry. */
function namespaceTerminating(error: unknown): Waiting | undefined {
  return hasStatus(error, 403) && /is being terminated/.test((error as Error).message)
    ? new Waiting(REASON.terminating, 'the namespace is being deleted')
    : undefined;
}

/** Runs `work` and returns its error as a value, so that the status is written in any case. */
export async function settle<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    return { error: invalidObject(error) ?? namespaceTerminating(error) ?? thrown };
  }
}

/** From an attempt to what happens next: Stalled and Waiting wait for an event, any other error is retried. */
export function nextStep({ error }: Attempt, wakeAfterMs: number | undefined): Result {
  if (error && !(error instanceof Stalled) && !(error instanceof Waiting)) return { next: 'retry', error };
  const wake =
    error instanceof Stalled
      ? Math.min(error.recheckMs ?? Infinity, wakeAfterMs ?? Infinity)
      : (wakeAfterMs ?? Infinity);
  return wake === Infinity ? { next: 'rest' } : { next: 'after', ms: wake };
}
