/** Keys, the kinds of failure of a reconcile, and what each of them leads to. */
import type { KubeObject } from './objects.ts';
import { REASON } from './reasons.ts';

/** `namespace/name` of a pipeline or ModelVersion. */
export type Key = string;

/** The key of an object in a queue or a cache. */
export const objectKey = ({ metadata: { namespace = '', name } }: Pick<KubeObject, 'metadata'>): Key =>
  joinKey(namespace, name);

export const joinKey = (namespace: string, name: string): Key => `${namespace}/${name}`;

export const splitKey = (key: Key): { namespace: string; name: string } => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

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

/** The cache was behind the API server: retried at once, and not written to the status. */
export class Outdated extends Error {}

/** How a step of a reconcile ended. Any error but Stalled and Waiting is retried with back-off. */
export interface Attempt<T = unknown> {
  value?: T;
  error?: Error;
}

/** What the controller does with the key next. */
export type Result = { next: 'rest' } | { next: 'after'; ms: number } | { next: 'retry'; error: Error };

/**
 * Whether the API server answered with one of these status codes; for rooms that may not import the client's error
 * class.
 */
export const hasStatus = (error: unknown, ...codes: number[]): boolean =>
  codes.includes((error as { code?: number } | undefined)?.code ?? 0);

/** For `catch`: undefined for an object that does not exist (404); other errors are thrown again. */
export function ignoreNotFound(error: unknown): undefined {
  if (!hasStatus(error, 404)) throw error;
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

/**
 * Another writer was faster, or the cache was behind the API server. Such a conflict is retried and not written to the
 * status.
 */
export const isRace = (error: unknown): boolean => error instanceof Outdated || hasStatus(error, 409);

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
