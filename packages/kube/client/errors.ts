/** An error response of the API server, without its headers and body. */
export class KubeError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  constructor(code: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'KubeError';
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A response body is longer than its reader allows. */
export class TooLarge extends Error {}

/** Reads the Status object in an error response; plain text becomes the message, cut to 500 characters. */
export function kubeError(code: number, body: string, retryAfter?: string | string[]): KubeError {
  let status: { reason?: string; message?: string } = {};
  try {
    status = JSON.parse(body) as typeof status;
  } catch {
    // not a Status: a proxy or an overloaded server responded
  }
  const seconds = Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  return new KubeError(
    code,
    status.reason ?? '',
    status.message ?? body.slice(0, 500),
    Number.isFinite(seconds) ? seconds * 1000 : undefined,
  );
}

export const isNotFound = (error: unknown): boolean => error instanceof KubeError && error.code === 404;
export const isConflict = (error: unknown): boolean => error instanceof KubeError && error.code === 409;
