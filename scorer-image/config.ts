/** The scorer's settings, read once from the environment that the operator writes. */
import { ENV, LOCAL_ENV, MOUNT, PORT, type FetchItem, type MountedModel, type ScoringTest } from '@penstock/contract';
import { join } from 'node:path';

export interface ScorerConfig {
  pipeline: string;
  revision: string;
  models: MountedModel[];
  modelsDir: string;
  /** Path of the entry script; absent: one ONNX model is served without code. */
  script?: string;
  trafficDir: string;
  auth: 'None' | 'Key';
  exposeErrors: boolean;
  requestTimeoutMs: number;
  initTimeoutMs: number;
  maxConcurrentRequests: number;
  maxQueueWaitMs: number;
  /** Bytes of a body, also unpacked. */
  maxRequestBytes: number;
  test?: ScoringTest;
  /** Rows of several requests in one call of a model. */
  maxBatchSize: number;
  /** Calls of a model whose rows are not known to be independent are joined, too. */
  joinUnknown: boolean;
  /** A call that is not back after this long never comes back; max(30 s, 4 × requestTimeout). */
  hangMs: number;
  workers: number;
  /** Of ONNX Runtime, in each worker. */
  threads: number;
  /** Origins whose pages may call, or `*`; Azure's AML_CORS_ORIGINS. */
  corsOrigins: string[];
  /** A line for each request. */
  accessLog: boolean;
  userPort: number;
  operatorPort: number;
}

export interface FetchConfig {
  items: FetchItem[];
  modelsDir: string;
  sourcesDir: string;
  credentialsDir: string;
  /** Whether a source may have a loopback address (tests only), and a private one. */
  addresses: { loopback: boolean; privateNetwork: boolean };
}

const MIN_HANG_MS = 30_000;

type Env = Readonly<Record<string, string | undefined>>;

/** Settings of `serve`; throws one error that names the first variable that is missing or malformed. */
export function parseServe(env: Env): ScorerConfig {
  const entry = env[ENV.script];
  const auth = required(env, ENV.auth);
  const workers = count(env, ENV.workers, 1);
  const requestTimeoutMs = Math.min(
    milliseconds(env, ENV.requestTimeoutMs),
    count(env, ENV.scoringTimeoutMs, Infinity),
  );
  if (auth !== 'None' && auth !== 'Key') throw new Error(`${ENV.auth} must be None or Key, not ${auth}`);
  return Object.freeze({
    pipeline: required(env, ENV.pipeline),
    revision: required(env, ENV.revision),
    models: json(env, ENV.models) as MountedModel[],
    modelsDir: env[LOCAL_ENV.models] ?? MOUNT.models,
    ...(entry ? { script: join(env[LOCAL_ENV.script] ?? MOUNT.script, entry) } : {}),
    trafficDir: env[LOCAL_ENV.traffic] ?? MOUNT.traffic,
    auth,
    exposeErrors: env[ENV.exposeErrors] === 'true',
    requestTimeoutMs,
    initTimeoutMs: milliseconds(env, ENV.initTimeoutMs),
    maxConcurrentRequests: count(env, ENV.maxConcurrentRequests, 16),
    maxQueueWaitMs: count(env, ENV.maxQueueWaitMs, 500),
    maxRequestBytes: count(env, ENV.maxRequestBytes, 16 * 2 ** 20),
    ...(env[ENV.test] ? { test: json(env, ENV.test) as ScoringTest } : {}),
    maxBatchSize: count(env, ENV.maxBatchSize, 64),
    joinUnknown: env[ENV.joinUnknown] === 'true',
    hangMs: Math.max(count(env, 'PENSTOCK_LEAST_HANG_MS', MIN_HANG_MS), 4 * requestTimeoutMs),
    workers,
    threads: Math.max(1, Math.floor(count(env, ENV.cpuMillis, 1000) / 1000 / workers)),
    corsOrigins: (env[ENV.corsOrigins] ?? '')
      .split(',')
      .map((origin) => origin.trim())
      .filter(Boolean),
    accessLog: env[ENV.accessLog] === 'true',
    userPort: Number(env[LOCAL_ENV.userPort] ?? PORT.user),
    operatorPort: Number(env[LOCAL_ENV.operatorPort] ?? PORT.operator),
  });
}

/** Settings of `fetch` and `verify`. */
export function parseFetch(env: Env): FetchConfig {
  return {
    items: json(env, ENV.fetch) as FetchItem[],
    modelsDir: env[LOCAL_ENV.models] ?? MOUNT.models,
    sourcesDir: env[LOCAL_ENV.sources] ?? MOUNT.sources,
    credentialsDir: env[LOCAL_ENV.credentials] ?? MOUNT.credentials,
    addresses: { loopback: false, privateNetwork: env[ENV.privateSources] !== 'false' },
  };
}

export const environment = (): Env => process.env;

function required(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: the operator sets it; run the scorer through a Deployment of Penstock's`);
  return value;
}

function json(env: Env, name: string): unknown {
  try {
    return JSON.parse(required(env, name));
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** A setting that pods of an older template do not have. */
function count(env: Env, name: string, fallback: number): number {
  const value = Number(env[name] ?? fallback);
  if (env[name] !== undefined && (!Number.isInteger(value) || value < 1))
    throw new Error(`${name} must be a whole number above 0, not ${env[name]}`);
  return value;
}

function milliseconds(env: Env, name: string): number {
  const value = Number(required(env, name));
  if (!Number.isInteger(value) || value <= 0)
    throw new Error(`${name} must be a whole number of milliseconds, not ${env[name]}`);
  return value;
}
