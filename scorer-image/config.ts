/** The scorer's settings, read once from the environment that the operator writes. */
import { ENV, MOUNT, PORT, type FetchItem, type MountedModel } from '@penstock/contract';
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
  userPort: number;
  operatorPort: number;
}

export interface FetchConfig {
  items: FetchItem[];
  modelsDir: string;
  sourcesDir: string;
  credentialsDir: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Settings of `serve`; throws one error that names the first variable that is missing or malformed. */
export function parseServe(env: Env): ScorerConfig {
  const entry = env[ENV.script];
  const auth = required(env, ENV.auth);
  if (auth !== 'None' && auth !== 'Key') throw new Error(`${ENV.auth} must be None or Key, not ${auth}`);
  return Object.freeze({
    pipeline: required(env, ENV.pipeline),
    revision: required(env, ENV.revision),
    models: json(env, ENV.models) as MountedModel[],
    modelsDir: env.PENSTOCK_MODELS_DIR ?? MOUNT.models,
    ...(entry ? { script: join(env.PENSTOCK_SCRIPT_DIR ?? MOUNT.script, entry) } : {}),
    trafficDir: env.PENSTOCK_TRAFFIC_DIR ?? MOUNT.traffic,
    auth,
    exposeErrors: env[ENV.exposeErrors] === 'true',
    requestTimeoutMs: milliseconds(env, ENV.requestTimeoutMs),
    initTimeoutMs: milliseconds(env, ENV.initTimeoutMs),
    userPort: Number(env.PENSTOCK_USER_PORT ?? PORT.user),
    operatorPort: Number(env.PENSTOCK_OPERATOR_PORT ?? PORT.operator),
  });
}

/** Settings of `fetch` and `verify`. */
export function parseFetch(env: Env): FetchConfig {
  return {
    items: json(env, ENV.fetch) as FetchItem[],
    modelsDir: env.PENSTOCK_MODELS_DIR ?? MOUNT.models,
    sourcesDir: env.PENSTOCK_SOURCES_DIR ?? MOUNT.sources,
    credentialsDir: env.PENSTOCK_CREDENTIALS_DIR ?? MOUNT.credentials,
  };
}

export const environment = (): Env => process.env;

function required(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: the operator sets it; run the scorer through a Deployment of Penstock's`);
  return value;
}

function json(env: Env, name: string): unknown {
  try {
    return JSON.parse(required(env, name));
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function milliseconds(env: Env, name: string): number {
  const value = Number(required(env, name));
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${name} must be a whole number of milliseconds, not ${env[name]}`);
  return value;
}
