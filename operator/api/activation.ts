/** What the activator must know of a pipeline that may have no pods, and where the operator writes it. */
import { isJsonObject, isReadableVersion, parsedJson } from '@penstock/contract';

/**
 * The value of ANNOTATION.activation on the activator's EndpointSlice, as JSON. The port of the slice identifies the
 * pipeline.
 */
export interface Activation {
  /** Absent in annotations that were written before the field existed. */
  schemaVersion?: number;
  /** The revision whose Deployment the activator scales up. */
  revision: string;
  auth: 'None' | 'Key';
  /** The SHA-256 digest (hex) of each key that is accepted. */
  keyHashes: string[];
  requestTimeoutMs: number;
  /** How long a request waits for a pod (endpoint.coldStartTimeout). Absent in older annotations: 60 s. */
  coldStartTimeoutMs: number;
  /** The number of requests that a pod works on at the same time (endpoint.maxConcurrentRequests). */
  maxConcurrentRequests: number;
  /** Whether clients see the message of a script's error. */
  exposeErrors: boolean;
}

/** The longest endpoint.coldStartTimeout that the CRD allows (milliseconds). */
export const MAX_COLD_START_TIMEOUT_MS = 600_000;
/** Its default (milliseconds). */
export const DEFAULT_COLD_START_TIMEOUT_MS = 60_000;

/**
 * The ports of the activator, one for each pipeline: the port alone identifies the pipeline, so a client's headers
 * cannot select another one.
 */
export const ACTIVATOR_PORTS = { first: 20_000, count: 10_000 } as const;
/** After this time the activator's watch has delivered a new port, and the activator listens on it (milliseconds). */
export const ACTIVATOR_SYNC_MS = 5_000;
/** The value of LABEL.role on the activator's EndpointSlices. */
export const ACTIVATOR_ROLE = 'activator';

/** Undefined for a value that is not a valid Activation, as an edited annotation may hold, and for a newer schema. */
export function parseActivation(text = ''): Activation | undefined {
  const value = parsedJson(text);
  if (!isJsonObject(value)) return undefined;
  const { schemaVersion, revision, auth, keyHashes, ...limits } = value as Partial<Activation>;
  const [requestTimeoutMs, maxConcurrentRequests] = [limits.requestTimeoutMs, limits.maxConcurrentRequests].map(Number);
  if (!isReadableVersion(schemaVersion) || typeof revision !== 'string' || !isAuth(auth)) return undefined;
  if (!areTexts(keyHashes) || !(requestTimeoutMs! > 0) || !(maxConcurrentRequests! > 0)) return undefined;
  return {
    revision,
    auth,
    keyHashes,
    requestTimeoutMs: requestTimeoutMs!,
    coldStartTimeoutMs: coldStartTimeoutMs(limits.coldStartTimeoutMs),
    maxConcurrentRequests: maxConcurrentRequests!,
    exposeErrors: limits.exposeErrors === true,
  };
}

/** Within its bounds. The default where it is absent or no number. */
const coldStartTimeoutMs = (value: unknown): number =>
  typeof value === 'number' && value > 0 ? Math.min(value, MAX_COLD_START_TIMEOUT_MS) : DEFAULT_COLD_START_TIMEOUT_MS;

const isAuth = (value: unknown): value is Activation['auth'] => value === 'None' || value === 'Key';

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
