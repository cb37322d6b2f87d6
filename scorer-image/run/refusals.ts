/** Statuses and messages of requests that no worker has answered. */
import { FAILURE } from '@penstock/contract';

export const REFUSAL = {
  queueTimeout: {
    status: 429,
    body: 'The endpoint is busy: all its places are taken. Try again later, or raise scaling.maxReplicas or endpoint.maxConcurrentRequests',
  },
  tooManyBytes: {
    status: 429,
    body: 'The endpoint is busy: the requests in it are as large as it can hold. Try again later',
  },
  requestTooLarge: {
    status: 413,
    body: 'The request needs more memory than this endpoint has: send less at a time, or raise resources.limits.memory',
  },
  restarting: { status: 503, body: 'The endpoint is restarting: try again' },
} as const;

/** The same from the dispatcher and from a worker, which both watch the deadline. */
export const timeoutRefusal = ({ requestTimeoutMs }: { requestTimeoutMs: number }): { status: 504; body: string } => ({
  status: 504,
  body: `Scoring timeout after ${requestTimeoutMs} ms`,
});

/** Why the process ends when a call never returns. */
export const callHung = ({ hangMs }: { hangMs: number }): string =>
  `a call has not come back for ${hangMs / 1000} s: run() loops or waits for something that never comes`;

export const WORKER_REPLACED = `${FAILURE.requestTooLarge}: a request needed more memory than a worker may have; another worker starts`;
