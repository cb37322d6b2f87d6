/**
 * The contract between the operator, which writes pods, and the scorer, which runs in them.
 * Everything the two must agree on stands here once; neither room imports the other.
 */
export { ConnectionLimit, fixedCapacity } from './connectionLimit.ts';
export { authorized, keyHash, unauthorizedMessage } from './keys.ts';
export { isFieldValue, isReadableVersion, parsedJson, SCHEMA_VERSION } from './externalText.ts';
export { Settings, type Env } from './settings.ts';
export { configMapSource, modelFileName, parseModelSource, type ModelSource } from './modelSource.ts';
export { parseTraffic, type Traffic } from './traffic.ts';
export { rejectMalformedRequest } from './malformedRequest.ts';
export { verifiedModel } from './verifiedModel.ts';

/** Names of the environment variables that the operator sets and the scorer reads. */
export const ENV = {
  pipeline: 'PENSTOCK_PIPELINE',
  revision: 'PENSTOCK_REVISION',
  /** JSON of {@link MountedModel}[]: the models of this pod, already fetched and verified. */
  models: 'PENSTOCK_MODELS',
  /** JSON of {@link FetchItem}[]: what the `fetch` and `verify` commands bring. */
  fetch: 'PENSTOCK_FETCH',
  /** `false`: sources with private addresses are refused. */
  privateSources: 'PENSTOCK_PRIVATE_SOURCES',
  /** File name of the entry script below {@link MOUNT}.script; absent: no-code serving. */
  script: 'AZUREML_ENTRY_SCRIPT',
  /** Folder of the one model, or the parent of all, as on Azure. */
  modelDir: 'AZUREML_MODEL_DIR',
  auth: 'PENSTOCK_AUTH',
  /** `true`: a failing script's stack goes to the client (Development). */
  exposeErrors: 'PENSTOCK_EXPOSE_ERRORS',
  requestTimeoutMs: 'PENSTOCK_REQUEST_TIMEOUT_MS',
  initTimeoutMs: 'PENSTOCK_INIT_TIMEOUT_MS',
  maxConcurrentRequests: 'PENSTOCK_MAX_CONCURRENT_REQUESTS',
  maxQueueWaitMs: 'PENSTOCK_MAX_QUEUE_WAIT_MS',
  maxRequestBytes: 'PENSTOCK_MAX_REQUEST_BYTES',
  maxBatchSize: 'PENSTOCK_MAX_BATCH_SIZE',
  /** `true`: the user wrote scoring.maxBatchSize, so a model whose rows are not known to be independent is joined, too. */
  joinUnknown: 'PENSTOCK_JOIN_UNKNOWN',
  /** JSON of {@link ScoringTest}: what has to be right before the pod is Ready. */
  test: 'PENSTOCK_TEST',
  /** The container's CPU limit in thousandths, by the downward API. */
  cpuMillis: 'PENSTOCK_CPU_MILLIS',
  /** Azure's name for how many workers run the script; a user sets it. */
  workers: 'WORKER_COUNT',
  /** Azure's names for what a user may set, too: a deadline below endpoint.requestTimeout, and origins for CORS. */
  scoringTimeoutMs: 'SCORING_TIMEOUT_MS',
  corsOrigins: 'AML_CORS_ORIGINS',
  /** `true`: a log line for each request. */
  accessLog: 'ACCESS_LOG',
} as const;

/** Where a scorer that is not in a pod has its folders and ports: `penstock serve`, and tests. */
export const LOCAL_ENV = {
  models: 'PENSTOCK_MODELS_DIR',
  script: 'PENSTOCK_SCRIPT_DIR',
  traffic: 'PENSTOCK_TRAFFIC_DIR',
  sources: 'PENSTOCK_SOURCES_DIR',
  credentials: 'PENSTOCK_CREDENTIALS_DIR',
  userPort: 'PENSTOCK_USER_PORT',
  operatorPort: 'PENSTOCK_OPERATOR_PORT',
} as const;

/** Of the scorer, as in package.json. */
export const VERSION = '0.1.0';

export const PORT = { user: 8080, operator: 9090 } as const;

/** Where things are in a scorer pod. */
export const MOUNT = {
  models: '/var/azureml-app/azureml-models',
  script: '/var/azureml-app/script',
  traffic: '/etc/penstock/traffic',
  sources: '/var/penstock/sources',
  credentials: '/var/penstock/credentials',
  terminationLog: '/dev/termination-log',
} as const;

export const TRAFFIC_FILE = 'traffic.json';
/** Name of the file that holds an inline `scoring.script`; Node strips types, so one name serves JS and TS. */
export const INLINE_SCRIPT = 'score.ts';
/** How Node runs the scorer, in its image and in `penstock serve` alike: bursts leave no memory behind (a small young generation, looked through by one thread), and nothing is done by `__proto__`. */
export const SCORER_NODE_FLAGS: readonly string[] = [
  '--disable-proto=delete',
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
];
export const SCORER_COMMAND = { fetch: 'fetch', verify: 'verify', serve: 'serve' } as const;

export const OPERATOR_PATH = {
  live: '/livez',
  ready: '/readyz',
  startup: '/startupz',
  metrics: '/metrics',
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
  /** Bytes of JSON before the tensors (binary tensor extension of the Open Inference Protocol). */
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

/**
 * Why a scorer or a model did not come up: the first word of the termination message, and the reason of
 * the condition a user reads. Names are Azure ML's where it has one.
 */
export const FAILURE = {
  scriptImport: 'UserScriptImportError',
  scriptFunction: 'UserScriptFunctionNotFound',
  initFailed: 'UserScriptInitFailed',
  initTimeout: 'UserScriptInitTimeout',
  /** After init() had succeeded: an error that nothing awaited, or process.exit(). */
  scriptCrashed: 'UserScriptCrashed',
  /** run() has not come back: an endless loop, or a promise that nobody keeps. */
  scriptHung: 'ScriptHung',
  /** A request needs more memory than a worker may have. */
  requestTooLarge: 'RequestTooLarge',
  /** scoring.test was answered otherwise than it expects. */
  testFailed: 'ScoringTestFailed',
  modelLoad: 'ModelLoadFailed',
  resource: 'ResourceNotReady',
  digest: 'DigestMismatch',
} as const;
export type Failure = (typeof FAILURE)[keyof typeof FAILURE];

/** The kubelet keeps this much of a termination message (bytes). */
export const TERMINATION_MESSAGE_BYTES = 4096;
/** How long a pod stays reachable after it was told to stop, so that every kube-proxy has dropped it (seconds). */
export const PRE_STOP_SECONDS = 5;

export type ModelFormat = 'ONNX' | 'Files';

export interface MountedModel {
  name: string;
  modelVersion: string;
  version: string;
  format: ModelFormat;
  /** Absent in `penstock serve` where the manifest has none. */
  digest?: string;
  /** File name of the model below `<MOUNT.models>/<name>`; absent where the whole folder is the model. */
  file?: string;
  /** Names of the features of the model's one input, in the order of its columns, as the ModelVersion has them. */
  features?: string[];
}

export interface FetchItem {
  /** Folder of the result below {@link MOUNT}.models, and of the source or credentials below their mounts. */
  name: string;
  uri: string;
  /** Name the file gets: the last segment of the uri; absent where a whole ConfigMap is fetched. */
  file?: string;
  format: ModelFormat;
  /** `sha256:<hex>`; absent only on the first verification, which pins it. */
  digest?: string;
}

/** A request and the answer it has to get; texts of JSON. */
export interface ScoringTest {
  request: string;
  expect?: string;
  tolerance?: string;
}

/** What `verify` writes to its termination message when the source is good. */
export interface VerifiedModel {
  digest: string;
  sizeBytes: number;
  signature?: ModelSignature;
  /** Of an ONNX model: whether requests may share its calls, and why in one sentence. */
  rows?: RowIndependence;
  rowsMessage?: string;
}

/** Independent: each output row depends on its own input row alone. Mixed: it depends on other rows, too. Unknown: neither is proven. */
export type RowIndependence = 'Independent' | 'Mixed' | 'Unknown';

/** One tensor in the Open Inference Protocol's words; -1 is a variable dimension. */
export interface TensorSignature {
  name: string;
  datatype: string;
  shape: number[];
  /** Of an input: names of the features that its columns are. */
  features?: string[];
  /** Of an output: the classes that its columns are. */
  classes?: (string | number)[];
}
export interface ModelSignature {
  inputs: TensorSignature[];
  outputs: TensorSignature[];
}

/** What a scorer says on {@link OPERATOR_PATH}.stats; averages are those of the last ten seconds. */
export interface ScorerStats {
  revision: string;
  phase: string;
  /** Requests that are being sent, wait or are in work now. */
  inFlight: number;
  /** Busy, queued, and refused demand. */
  concurrency: number;
  requestsPerSecond: number;
  idleSeconds: number;
  /** What the pipeline's users should know although the pod serves. */
  warning?: string;
}
