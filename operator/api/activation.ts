/** What the activator has to know of a pipeline that may have no pods, and where it is told. */

/** On the activator's EndpointSlice, under ANNOTATION.activation. The slice's port is the one that stands for the pipeline. */
export interface Activation {
  /** Whose Deployment is woken. */
  revision: string;
  auth: 'None' | 'Key';
  /** SHA-256 (hex) of each key that may wake it. */
  keyHashes: string[];
  requestTimeoutMs: number;
  /** Requests that a pod has in work at the same time. */
  maxConcurrentRequests: number;
  /** A client is told what a script said when it failed. */
  exposeErrors: boolean;
}

/** Ports of the activator: one for each pipeline, so that who is meant never depends on what a client says. */
export const ACTIVATOR_PORTS = { first: 20_000, count: 10_000 } as const;
/** Within so long the activator's watch has told it of a new port, and it listens there (milliseconds). */
export const ACTIVATOR_SYNC_MS = 5_000;
/** Value of LABEL.role on the activator's EndpointSlices. */
export const ACTIVATOR_ROLE = 'activator';

/** Undefined for what is none, as an edited annotation may hold. */
export function parseActivation(text = ''): Activation | undefined {
  try {
    const { revision, auth, keyHashes, requestTimeoutMs, maxConcurrentRequests, exposeErrors } = JSON.parse(
      text,
    ) as Partial<Activation>;
    const sound =
      typeof revision === 'string' &&
      (auth === 'None' || auth === 'Key') &&
      Array.isArray(keyHashes) &&
      keyHashes.every((hash) => typeof hash === 'string') &&
      Number(requestTimeoutMs) > 0 &&
      Number(maxConcurrentRequests) > 0;
    return sound
      ? {
          revision,
          auth,
          keyHashes,
          requestTimeoutMs: Number(requestTimeoutMs),
          maxConcurrentRequests: Number(maxConcurrentRequests),
          exposeErrors: exposeErrors === true,
        }
      : undefined;
  } catch {
    return undefined;
  }
}
