/** What the environment variables and headers of the contract mean, for docs/reference.md. One row for each. */
import { ENV, HEADER, LOCAL_ENV } from './contract.ts';

/** A row of docs/reference.md. */
export interface VariableRow {
  type: 'text' | 'number' | 'boolean' | 'JSON' | 'list' | 'path';
  /** What it means; where a user may set it, in which field. */
  meaning: string;
  /** Users may set it in spec.environment.variables. */
  byUsers?: true;
}

export const ENV_ROWS: Record<keyof typeof ENV, VariableRow> = {
  pipeline: { type: 'text', meaning: 'Name of the InferencePipeline.' },
  revision: { type: 'text', meaning: 'Name of the revision.' },
  models: { type: 'JSON', meaning: 'The models of the pod: name, version, format, digest, file and features.' },
  fetch: { type: 'JSON', meaning: 'What the containers `fetch` and `verify` download.' },
  privateSources: { type: 'boolean', meaning: '`false`: sources with private addresses are refused.' },
  httpsProxy: { type: 'text', meaning: 'URL of the proxy for downloads of models and packages.' },
  noProxy: { type: 'text', meaning: 'Hosts that are reached without the proxy, with commas between them.' },
  caBundle: { type: 'text', meaning: 'Further certificate authorities for downloads, as PEM.' },
  workerPackage: { type: 'path', meaning: 'Folder into which `fetch` copies the package that runs scripts in Python.' },
  packages: { type: 'path', meaning: 'Folder of the packages of a script in Python.' },
  indexUrl: { type: 'text', meaning: 'URL of the Python package index.' },
  packageCache: { type: 'path', meaning: 'Folder of installed packages that several pods share.' },
  registryUrl: { type: 'text', meaning: 'URL of the npm registry.' },
  maxPackagesBytes: { type: 'number', meaning: 'Largest size of the packages, in bytes.' },
  script: { type: 'text', meaning: 'File name of the entry script. Absent: the endpoint has no script.' },
  server: { type: 'JSON', meaning: 'Port and paths of a server of the user’s own (`environment.server`).' },
  modelDir: { type: 'path', meaning: 'Folder of the only model, or parent folder of several models, as in Azure ML.' },
  auth: { type: 'text', meaning: '`Key` or `None` (`endpoint.auth`).' },
  exposeErrors: { type: 'boolean', meaning: '`true`: clients see the stack of a script’s error (target Development).' },
  requestTimeoutMs: { type: 'number', meaning: '`endpoint.requestTimeout`, in milliseconds.' },
  initTimeoutMs: { type: 'number', meaning: '`scoring.initTimeout`, in milliseconds.' },
  maxConcurrentRequests: { type: 'number', meaning: '`endpoint.maxConcurrentRequests`.' },
  maxQueueWaitMs: { type: 'number', meaning: '`endpoint.maxQueueWait`, in milliseconds.' },
  maxRequestBytes: { type: 'number', meaning: 'Largest body, before and after decompression, in bytes.' },
  maxBatchSize: { type: 'number', meaning: '`scoring.maxBatchSize`: most rows of several requests in one call.' },
  joinUnknown: { type: 'boolean', meaning: '`true`: calls are joined although the rows are not proven independent.' },
  test: { type: 'JSON', meaning: '`scoring.test`: the request and the expected answer.' },
  cpuMillis: { type: 'number', meaning: 'CPU limit of the container, in thousandths of a CPU.' },
  memoryBytes: { type: 'number', meaning: 'Memory limit of the container `verify`, in bytes.' },
  workers: { type: 'number', meaning: 'Workers that run the script, as in Azure ML. The default is 1.', byUsers: true },
  scoringTimeoutMs: {
    type: 'number',
    meaning: 'A request timeout below `endpoint.requestTimeout`, in milliseconds, as in Azure ML.',
    byUsers: true,
  },
  corsOrigins: { type: 'list', meaning: 'Allowed origins for CORS, or `*`, as in Azure ML.', byUsers: true },
  accessLog: { type: 'boolean', meaning: '`true`: one log line for each request.', byUsers: true },
};

export const LOCAL_ENV_ROWS: Record<keyof typeof LOCAL_ENV, VariableRow> = {
  models: { type: 'path', meaning: 'Folder of the models.' },
  script: { type: 'path', meaning: 'Folder of the script.' },
  traffic: { type: 'path', meaning: 'Folder of the traffic table.' },
  sources: { type: 'path', meaning: 'Folder of the mounted sources.' },
  credentials: { type: 'path', meaning: 'Folder of the credentials of sources.' },
  userPort: { type: 'number', meaning: 'Port for clients, in place of 8080.' },
  operatorPort: { type: 'number', meaning: 'Port for health, metrics and stats, in place of 9090.' },
  python: { type: 'path', meaning: 'Python program that the scorer starts for a script in Python.' },
  packageLock: { type: 'path', meaning: 'The package-lock.json that `install` reads.' },
  nodeModules: { type: 'path', meaning: 'Folder for npm packages.' },
  pythonSocket: { type: 'path', meaning: 'Socket to which the Python processes connect.' },
};

export interface HeaderRow {
  /** Whether clients send it, the endpoint sends it, or both. */
  direction: 'request' | 'response' | 'both';
  meaning: string;
}

export const HEADER_ROWS: Record<keyof typeof HEADER, HeaderRow> = {
  requestId: {
    direction: 'both',
    meaning: 'Id of the request; the client’s, or a new one. A pod answers 431 to an id of more than 100 characters.',
  },
  msRequestId: {
    direction: 'both',
    meaning: 'Azure ML’s request id; the client’s, or its client request id, or the same as `x-request-id`.',
  },
  msClientRequestId: {
    direction: 'both',
    meaning: 'Azure ML’s client request id. Returned if the client sent one of the two `x-ms-…` ids.',
  },
  runFailed: { direction: 'response', meaning: '`True` if the status is 500 or above, else `False`, as in Azure ML.' },
  runMs: { direction: 'response', meaning: 'Time that run() took, in milliseconds, as in Azure ML.' },
  serverVersion: { direction: 'response', meaning: '`penstock/` and the version of the scorer.' },
  traceId: { direction: 'both', meaning: 'Returned as it was sent, as in Azure ML.' },
  revision: { direction: 'response', meaning: 'Name of the revision that answered.' },
  modelVersion: { direction: 'response', meaning: 'Names of its ModelVersions, with commas between them.' },
  jsonLength: {
    direction: 'both',
    meaning: 'Length of the JSON before the tensors, in bytes (binary tensor data extension of V2).',
  },
};
