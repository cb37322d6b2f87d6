/** The scorer's settings, read once from the environment that the operator writes. */
import {
  ENV,
  LOCAL_ENV,
  MOUNT,
  PACKAGE_LOCK_FILE,
  PORT,
  type FetchItem,
  type MountedModel,
  type OwnServer,
  type ScoringTest,
} from '@penstock/contract';
import { Settings, type Env } from '@penstock/server/settings';
import { join } from 'node:path';

export interface ScorerConfig {
  pipeline: string;
  revision: string;
  models: MountedModel[];
  modelsDir: string;
  /** Path of the entry script; undefined: one ONNX model is served without code. */
  script?: string | undefined;
  /** The script is in Python: the socket of its processes, and the program to start where no other container does. */
  python?: { socket: string; program?: string | undefined } | undefined;
  /** A server in another container of the pod answers requests, in place of a script. */
  server?: OwnServer | undefined;
  trafficDir: string;
  auth: 'None' | 'Key';
  exposeErrors: boolean;
  requestTimeoutMs: number;
  initTimeoutMs: number;
  maxConcurrentRequests: number;
  maxQueueWaitMs: number;
  /** Maximum bytes of a body, before and after decompression. */
  maxRequestBytes: number;
  test?: ScoringTest | undefined;
  /** Maximum rows of several requests in one call of a model. */
  maxBatchSize: number;
  /** Batch calls of a model whose rows are not proven independent, too. */
  joinUnknown: boolean;
  /** A call that runs longer counts as hung: max(30 s, 4 × requestTimeout). */
  hangMs: number;
  workers: number;
  /** Threads of ONNX Runtime in each worker. */
  threads: number;
  /** Allowed CORS origins, or `*` (Azure ML's AML_CORS_ORIGINS). */
  corsOrigins: string[];
  /** Log each request. */
  accessLog: boolean;
  userPort: number;
  operatorPort: number;
}

/** How downloads leave the cluster. */
export interface Egress {
  /** URL of a proxy; hosts in `noProxy` are reached without it. */
  httpsProxy?: string | undefined;
  noProxy?: string | undefined;
  /** Further certificate authorities (PEM). */
  caBundle?: string | undefined;
}

export interface FetchConfig {
  items: FetchItem[];
  modelsDir: string;
  sourcesDir: string;
  credentialsDir: string;
  /** Whether a source may have a loopback address (in tests only), and a private one. */
  addresses: { loopback: boolean; privateNetwork: boolean };
  /** Memory limit of the container. */
  memoryBytes: number;
  egress: Egress;
  /** Folder for the package penstock_worker. */
  workerPackage?: string | undefined;
}

export interface InstallConfig {
  /** Path of the package-lock.json. */
  lock: string;
  /** The folder that gets the packages. */
  folder: string;
  /** URL of the npm registry. */
  registryUrl: string;
  /** Folder of the Secret of the registry, which may be empty. */
  credentials: string;
  /** Value of the header Authorization. */
  authorization?: string | undefined;
  maxBytes: number;
  egress: Egress;
}

const MIN_HANG_MS = 30_000;
const SET_BY_OPERATOR = "the operator sets it; run the scorer through a Deployment of Penstock's";

/** Settings of `serve`. Throws one error that names every problem. */
export function parseServe(env: Env): ScorerConfig {
  const settings = new Settings(env);
  const entry = settings.optional(ENV.script);
  const maxConcurrentRequests = settings.number(ENV.maxConcurrentRequests, 16);
  const isServer = settings.optional(ENV.server) !== undefined;
  const workers = isServer ? maxConcurrentRequests : settings.number(ENV.workers, 1);
  const requestTimeoutMs = Math.min(
    settings.number(ENV.requestTimeoutMs),
    settings.number(ENV.scoringTimeoutMs, Infinity),
  );
  const config = {
    pipeline: settings.required(ENV.pipeline, SET_BY_OPERATOR),
    revision: settings.required(ENV.revision, SET_BY_OPERATOR),
    models: settings.json(ENV.models) as MountedModel[],
    modelsDir: settings.text(LOCAL_ENV.models, MOUNT.models),
    script: entry && join(settings.text(LOCAL_ENV.script, MOUNT.script), entry),
    python: entry?.endsWith('.py')
      ? {
          socket: settings.text(LOCAL_ENV.pythonSocket, MOUNT.pythonSocket),
          program: settings.optional(LOCAL_ENV.python),
        }
      : undefined,
    server: settings.optional(ENV.server) && (settings.json(ENV.server) as OwnServer),
    trafficDir: settings.text(LOCAL_ENV.traffic, MOUNT.traffic),
    auth: settings.choice(ENV.auth, ['None', 'Key']),
    exposeErrors: settings.isTrue(ENV.exposeErrors),
    requestTimeoutMs,
    initTimeoutMs: settings.number(ENV.initTimeoutMs),
    maxConcurrentRequests,
    maxQueueWaitMs: settings.number(ENV.maxQueueWaitMs, 500),
    maxRequestBytes: settings.number(ENV.maxRequestBytes, 16 * 2 ** 20),
    test: settings.optional(ENV.test) && (settings.json(ENV.test) as ScoringTest),
    maxBatchSize: settings.number(ENV.maxBatchSize, 64),
    joinUnknown: settings.isTrue(ENV.joinUnknown),
    hangMs: Math.max(settings.number('PENSTOCK_LEAST_HANG_MS', MIN_HANG_MS), 4 * requestTimeoutMs),
    workers,
    threads: Math.max(1, Math.floor(settings.number(ENV.cpuMillis, 1000) / 1000 / workers)),
    corsOrigins: settings.list(ENV.corsOrigins),
    accessLog: settings.isTrue(ENV.accessLog),
    userPort: settings.number(LOCAL_ENV.userPort, PORT.user),
    operatorPort: settings.number(LOCAL_ENV.operatorPort, PORT.operator),
  };
  settings.check();
  return Object.freeze(config as ScorerConfig);
}

/** Settings of `fetch` and `verify`. Throws one error that names every problem. */
export function parseFetch(env: Env): FetchConfig {
  const settings = new Settings(env);
  const config = {
    items: settings.json(ENV.fetch) as FetchItem[],
    modelsDir: settings.text(LOCAL_ENV.models, MOUNT.models),
    sourcesDir: settings.text(LOCAL_ENV.sources, MOUNT.sources),
    credentialsDir: settings.text(LOCAL_ENV.credentials, MOUNT.credentials),
    addresses: { loopback: false, privateNetwork: settings.text(ENV.privateSources, 'true') !== 'false' },
    memoryBytes: settings.number(ENV.memoryBytes, 512 * 2 ** 20),
    egress: egressOf(settings),
    workerPackage: settings.optional(ENV.workerPackage),
  };
  settings.check();
  return config;
}

/** Settings of `install`. Throws one error that names every problem. */
export function parseInstall(env: Env): InstallConfig {
  const settings = new Settings(env);
  const config = {
    lock: settings.text(LOCAL_ENV.packageLock, `${MOUNT.packageLock}/${PACKAGE_LOCK_FILE}`),
    folder: settings.text(LOCAL_ENV.nodeModules, MOUNT.nodeModules),
    registryUrl: settings.required(ENV.registryUrl, 'it is npm.registryUrl of the chart'),
    credentials: settings.text(LOCAL_ENV.credentials, MOUNT.indexCredentials),
    maxBytes: settings.number(ENV.maxPackagesBytes, Infinity),
    egress: egressOf(settings),
  };
  settings.check();
  return config;
}

const egressOf = (settings: Settings): Egress => ({
  httpsProxy: settings.optional(ENV.httpsProxy),
  noProxy: settings.optional(ENV.noProxy),
  caBundle: settings.optional(ENV.caBundle),
});

export const environment = (): Env => process.env;
