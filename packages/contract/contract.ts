/**
 * The contract between the operator, which writes pods, and the scorer, which runs in them: names, paths and values
 * that both must use. The operator and the scorer do not import each other.
 */
export { isJsonObject, isReadableVersion, parsedJson, SCHEMA_VERSION } from './externalText.ts';
export { FAILURE, type Failure } from './failures.ts';
export type { OwnServer } from './ownServer.ts';
export { configMapSource, modelFileName, parseModelSource, type ModelSource } from './modelSource.ts';
export { parseTraffic, type Traffic } from './traffic.ts';
export {
  terminationText,
  verifiedModel,
  type ModelSignature,
  type RowIndependence,
  type TensorSignature,
  type VerifiedModel,
} from './verifiedModel.ts';

/** Names of the environment variables that the operator sets and the scorer reads. */
export const ENV = {
  pipeline: 'PENSTOCK_PIPELINE',
  revision: 'PENSTOCK_REVISION',
  /** JSON of {@link MountedModel}[]: the models of this pod. They are fetched and verified before the scorer starts. */
  models: 'PENSTOCK_MODELS',
  /** JSON of {@link FetchItem}[]: what the commands `fetch` and `verify` fetch. */
  fetch: 'PENSTOCK_FETCH',
  /** `false`: sources with private addresses are refused. */
  privateSources: 'PENSTOCK_PRIVATE_SOURCES',
  /** The proxy for downloads, the hosts that need none, and further certificate authorities (PEM). */
  httpsProxy: 'PENSTOCK_HTTPS_PROXY',
  noProxy: 'PENSTOCK_NO_PROXY',
  caBundle: 'PENSTOCK_CA_BUNDLE',
  /** Folder into which `fetch` copies the package penstock_worker, for a script in Python. */
  workerPackage: 'PENSTOCK_WORKER_PACKAGE',
  /** Folder of the packages of a script in Python. */
  packages: 'PENSTOCK_PACKAGES',
  /** URL of the Python package index. */
  indexUrl: 'PENSTOCK_INDEX_URL',
  packageCache: 'PENSTOCK_PACKAGE_CACHE',
  /** URL of the npm registry. */
  registryUrl: 'PENSTOCK_NPM_REGISTRY_URL',
  /** Largest size of the packages, in bytes. */
  maxPackagesBytes: 'PENSTOCK_MAX_PACKAGES_BYTES',
  /** File name of the entry script below {@link MOUNT}.script. Absent: the endpoint has no script. */
  script: 'AZUREML_ENTRY_SCRIPT',
  /** JSON of {@link OwnServer}: a server in another container of the pod answers requests. */
  server: 'PENSTOCK_SERVER',
  /** The folder of the only model, or the parent folder of several models. The name is Azure ML's. */
  modelDir: 'AZUREML_MODEL_DIR',
  auth: 'PENSTOCK_AUTH',
  /** `true`: clients see the message and stack of a script's error (target Development). */
  exposeErrors: 'PENSTOCK_EXPOSE_ERRORS',
  requestTimeoutMs: 'PENSTOCK_REQUEST_TIMEOUT_MS',
  initTimeoutMs: 'PENSTOCK_INIT_TIMEOUT_MS',
  maxConcurrentRequests: 'PENSTOCK_MAX_CONCURRENT_REQUESTS',
  maxQueueWaitMs: 'PENSTOCK_MAX_QUEUE_WAIT_MS',
  maxRequestBytes: 'PENSTOCK_MAX_REQUEST_BYTES',
  maxBatchSize: 'PENSTOCK_MAX_BATCH_SIZE',
  /** `true`: the user set scoring.maxBatchSize, so requests are joined also when the model's rows are `Unknown`. */
  joinUnknown: 'PENSTOCK_JOIN_UNKNOWN',
  /** JSON of {@link ScoringTest}: the request that must get the expected answer before the pod is Ready. */
  test: 'PENSTOCK_TEST',
  /** The container's CPU limit in millicores, from the downward API. */
  cpuMillis: 'PENSTOCK_CPU_MILLIS',
  /** The memory limit of the container that verifies a model, in bytes, from the downward API. */
  memoryBytes: 'PENSTOCK_MEMORY_BYTES',
  /** Azure ML's variable for the number of workers that run the script. Users may set it. */
  workers: 'WORKER_COUNT',
  /**
   * Azure ML's variables that users may set: a request timeout below endpoint.requestTimeout, and the origins for CORS.
   */
  scoringTimeoutMs: 'SCORING_TIMEOUT_MS',
  corsOrigins: 'AML_CORS_ORIGINS',
  /** `true`: the scorer writes a log line for each request. */
  accessLog: 'ACCESS_LOG',
} as const;

/** Folders and ports of a scorer that runs outside a pod, for `penstock serve` and for tests. */
export const LOCAL_ENV = {
  models: 'PENSTOCK_MODELS_DIR',
  script: 'PENSTOCK_SCRIPT_DIR',
  traffic: 'PENSTOCK_TRAFFIC_DIR',
  sources: 'PENSTOCK_SOURCES_DIR',
  credentials: 'PENSTOCK_CREDENTIALS_DIR',
  userPort: 'PENSTOCK_USER_PORT',
  operatorPort: 'PENSTOCK_OPERATOR_PORT',
  python: 'PENSTOCK_PYTHON',
  pythonSocket: 'PENSTOCK_PYTHON_SOCKET',
  packageLock: 'PENSTOCK_PACKAGE_LOCK',
  nodeModules: 'PENSTOCK_NODE_MODULES',
} as const;

/** The version of the scorer, as in package.json. */
export const VERSION = '0.1.0';

/** A scorer holds so many bodies of the largest size, uploaded, queued or processed. */
export const LARGEST_BODIES = 4;

export const PORT = { user: 8080, operator: 9090 } as const;

/** The paths of files in a scorer pod. */
export const MOUNT = {
  models: '/var/azureml-app/azureml-models',
  script: '/var/azureml-app/script',
  traffic: '/etc/penstock/traffic',
  sources: '/var/penstock/sources',
  credentials: '/var/penstock/credentials',
  terminationLog: '/dev/termination-log',
  /** Shared by the scorer and the container `python`: the package penstock_worker and the socket. */
  python: '/var/penstock/python',
  pythonSocket: '/var/penstock/python/scorer.sock',
  /** Packages that the container `install` has installed. */
  packages: '/var/penstock/packages',
  requirements: '/var/penstock/requirements',
  /** npm packages: Node looks here for the packages of a script. */
  nodeModules: '/var/azureml-app/node_modules',
  packageLock: '/var/penstock/package-lock',
  indexCredentials: '/var/penstock/index',
  packageCache: '/var/penstock/package-cache',
} as const;

/** The file of locked Python packages in {@link MOUNT}.requirements. */
export const REQUIREMENTS_FILE = 'requirements.txt';
/** The file of locked npm packages in {@link MOUNT}.packageLock. */
export const PACKAGE_LOCK_FILE = 'package-lock.json';
/** In the folder of npm packages: the names of those whose install scripts did not run. */
export const WITHOUT_SCRIPTS_FILE = '.without-install-scripts';
/** Python packages of Penstock's own: the worker that runs a script, and the installer. */
export const PYTHON_MODULE = { worker: 'penstock_worker', install: 'penstock_worker.install' } as const;

export const TRAFFIC_FILE = 'traffic.json';
/**
 * The name of the file that holds an inline `scoring.script`. Node strips types, so the name is right for JavaScript
 * and TypeScript.
 */
export const INLINE_SCRIPT = 'score.ts';
/**
 * Node's options for the scorer, in its image and in `penstock serve`. A small young generation that one thread
 * collects keeps the memory of bursts low. `__proto__` is disabled.
 */
export const SCORER_NODE_FLAGS: readonly string[] = [
  '--disable-proto=delete',
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
];
/** Log lines of the scorer that other programs look for. They are Azure ML's, with its spelling. */
export const LOG_MESSAGE = {
  initBegins: "Invoking user's init function",
  ready: "Users's init has completed successfully",
} as const;
export const SCORER_COMMAND = { fetch: 'fetch', verify: 'verify', install: 'install', serve: 'serve' } as const;

export const OPERATOR_PATH = {
  live: '/livez',
  ready: '/readyz',
  startup: '/startupz',
  /** 503 where a server of the user's own has not answered for a while. */
  server: '/serverz',
  /** Its response comes when the scorer has no request any more. */
  drained: '/drainedz',
  stats: '/stats',
} as const;

export const HEADER = {
  requestId: 'x-request-id',
  msRequestId: 'x-ms-request-id',
  msClientRequestId: 'x-ms-client-request-id',
  runFailed: 'x-ms-run-function-failed',
  runMs: 'x-ms-run-fn-exec-ms',
  serverVersion: 'x-ms-server-version',
  traceId: 'traceid',
  revision: 'x-penstock-revision',
  modelVersion: 'x-penstock-model-version',
  /** The number of bytes of JSON before the tensors (binary tensor data extension of the Open Inference Protocol). */
  jsonLength: 'inference-header-content-length',
} as const;

export const METRIC = {
  requests: 'penstock_requests_total',
  requestDuration: 'penstock_request_duration_seconds',
  requestsInProgress: 'penstock_requests_in_progress',
  initDuration: 'penstock_init_duration_seconds',
  rejected: 'penstock_rejected_total',
  queueDepth: 'penstock_queue_depth',
  stepDuration: 'penstock_step_duration_seconds',
  batchSize: 'penstock_batch_size',
  batchingDisabled: 'penstock_batching_disabled',
  workersReplaced: 'penstock_workers_replaced_total',
} as const;

/** The longest termination message that the kubelet keeps (bytes). */
export const TERMINATION_MESSAGE_BYTES = 4096;
/**
 * How long a pod accepts requests after SIGTERM (seconds). Within this time every kube-proxy removes it from its rules.
 */
export const PRE_STOP_SECONDS = 5;

export type ModelFormat = 'ONNX' | 'Files';

export interface MountedModel {
  name: string;
  modelVersion: string;
  version: string;
  format: ModelFormat;
  /** Absent only in `penstock serve`, if the manifest has no digest. */
  digest?: string;
  /** The file name of the model below `<MOUNT.models>/<name>`. Absent: the whole folder is the model. */
  file?: string;
  /** The names of the features of the model's only input, in the order of its columns (ModelVersion spec.features). */
  features?: string[];
}

export interface FetchItem {
  /** The folder below {@link MOUNT}.models for the result, and below the mounts of sources and credentials. */
  name: string;
  uri: string;
  /** The file name of the result: the last segment of the URI. Absent for a whole ConfigMap. */
  file?: string;
  format: ModelFormat;
  /** `sha256:<hex>`. Absent only on the first verification of a ModelVersion without spec.digest. */
  digest?: string;
}

/** A request and the expected answer, both as JSON text. */
export interface ScoringTest {
  request: string;
  expect?: string;
  tolerance?: string;
}

/** The response of {@link OPERATOR_PATH}.stats. Averages cover the last ten seconds. */
export interface ScorerStats {
  revision: string;
  phase: string;
  /** Requests in progress: being received, waiting or in work. */
  inFlight: number;
  /** The average of busy, queued and refused requests. */
  concurrency: number;
  requestsPerSecond: number;
  idleSeconds: number;
  /** A problem that users should know about although the pod serves. */
  warning?: string;
}
