/** The nouns that travel from observe to desired, apply and status, and the three kinds of failure. */
import type { KubeObject } from './objects.ts';
import { REASON } from './reasons.ts';

/** `namespace/name` of a pipeline or model version: all that a queue holds. */
export type Key = string;

/** The key of an object in a queue or a cache. */
export const objectKey = ({ metadata: { namespace = '', name } }: Pick<KubeObject, 'metadata'>): Key =>
  joinKey(namespace, name);

export const joinKey = (namespace: string, name: string): Key => `${namespace}/${name}`;
export const splitKey = (key: Key): { namespace: string; name: string } => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

/** The user must act; nothing is retried until an object changes, or `recheckMs` have gone by where nobody would tell. */
export class Stalled extends Error {
  readonly reason: string;
  readonly recheckMs: number | undefined;
  constructor(reason: string, message: string, recheckMs?: number) {
    super(message);
    this.reason = reason;
    this.recheckMs = recheckMs;
  }
}

/** Something else must happen first, and will wake the key when it does. */
export class Waiting extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A model version is about to be marked as in use: over in a moment, and not worth a status. */
export class ModelUsageNotRecorded extends Waiting {}

/** The cache was behind: looked at again in a moment, and not worth a status. */
export class Outdated extends Error {}

/** How an attempt to bring about the wish ended. Anything but Stalled and Waiting is retried with back-off. */
export interface Attempt {
  error?: Error;
}

/** What the controller does with the key next. */
export type Result = { next: 'rest' } | { next: 'after'; ms: number } | { next: 'retry'; error: Error };

/** Whether the API server answered with one of these codes; for rooms that may not know the client's error class. */
export const hasStatus = (error: unknown, ...codes: number[]): boolean =>
  codes.includes((error as { code?: number } | undefined)?.code ?? 0);

/** For `catch`: undefined in place of what is not there (404); any other error goes on. */
export function ignoreNotFound(error: unknown): undefined {
  if (!hasStatus(error, 404)) throw error;
}

/** 400 and 422: the API server takes no such child, now or later; its sentence says which field. */
function invalidObject(error: unknown): Stalled | undefined {
  return hasStatus(error, 400, 422) ? new Stalled('InvalidSpec', (error as Error).message) : undefined;
}

/** 403 in a namespace that goes: nothing can be made there any more, and nothing needs to be. */
function namespaceTerminating(error: unknown): Waiting | undefined {
  return hasStatus(error, 403) && /is being terminated/.test((error as Error).message)
    ? new Waiting(REASON.terminating, 'the namespace is being deleted')
    : undefined;
}

/** Somebody was faster, or we were slow to hear: no news for the user. */
export const isRace = (error: unknown): boolean => error instanceof Outdated || hasStatus(error, 409);

/** Runs `work`; a failure becomes a value, so that status is written in any case. */
export async function settle(work: () => Promise<void>): Promise<Attempt> {
  try {
    await work();
    return {};
  } catch (error) {
    return {
      error:
        invalidObject(error) ??
        namespaceTerminating(error) ??
        (error instanceof Error ? error : new Error(String(error))),
    };
  }
}

/** The one mapper from failure to requeue: Stalled and Waiting rest, anything else is retried. */
export function nextStep({ error }: Attempt, wakeAfterMs: number | undefined): Result {
  if (error && !(error instanceof Stalled) && !(error instanceof Waiting)) return { next: 'retry', error };
  const wake =
    error instanceof Stalled
      ? Math.min(error.recheckMs ?? Infinity, wakeAfterMs ?? Infinity)
      : (wakeAfterMs ?? Infinity);
  return wake === Infinity ? { next: 'rest' } : { next: 'after', ms: wake };
}
