/** How a reconcile ends. */
import { hasStatus } from '../api/status.ts';

/** The cache was behind the API server: retried at once, and not written to the status. */
export class Outdated extends Error {}

/** What the controller does with the key next. */
export type Result = { next: 'rest' } | { next: 'after'; ms: number } | { next: 'retry'; error: Error };

/**
 * Another writer was faster, or the cache was behind the API server. Such a conflict is retried and not written to the
 * status.
 */
export const isRace = (error: unknown): boolean => error instanceof Outdated || hasStatus(error, 409);
