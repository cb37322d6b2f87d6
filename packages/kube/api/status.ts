/** The HTTP status of an error of the API server. */

/**
 * Whether the API server answered with one of these status codes; for code that does not import the client's error
 * class.
 */
export const hasStatus = (error: unknown, ...codes: number[]): boolean =>
  codes.includes((error as { code?: number } | undefined)?.code ?? 0);

/** For `catch`: undefined for an object that does not exist (404); other errors are thrown again. */
export function ignoreNotFound(error: unknown): undefined {
  if (!hasStatus(error, 404)) throw error;
}
