/** The operator's settings, read once from the environment that the chart writes. */
import { Settings, type Env } from '@penstock/server/settings';
import { isJsonObject } from '@penstock/contract';
import type { NetworkAccess, PythonConfig, RenderConfig } from './api/renderConfig.ts';
import type { VerificationSettings } from './api/types.gen.ts';

export interface Config extends RenderConfig {
  /** Undefined: the cluster this pod runs in. */
  kubeconfig: string | undefined;
  /** Name of this replica in the Lease. */
  identity: string;
  /** Empty: all namespaces. */
  watchNamespaces: string[];
  /** Pipelines that get a new scorer image at the same time. */
  refreshesAtOnce: number;
  /** For health and metrics. */
  httpPort: number;
  logLevel: string;
  /** Concurrent reconciles of each controller. */
  workers: number;
  /**
   * Whether the operator serves custom.metrics.k8s.io: `auto` if no other adapter is registered, `true` always, `false`
   * never.
   */
  metricsApi: 'auto' | 'true' | 'false';
  metricsPort: number;
  /** The Service of the metrics API, in the operator's namespace. */
  metricsService: string;
  /** The ClusterRole that owns the APIService. */
  metricsOwner: string;
  /** The operator's own Deployment, for `withdraw`. */
  deployment: string;
  /** Deadline of one call to the API server. */
  callTimeoutMs: number;
  /** A watch connection without an event for this long is closed. */
  watchIdleMs: number;
  /** Every object is reconciled at least this often. */
  resyncMs: number;
}

const OPERATOR_NAMESPACE = 'penstock-system';
const METRICS_API = ['auto', 'true', 'false'] as const;
const UPDATE_POLICIES = ['OnChange', 'Immediate'] as const;
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

/** Throws one error that names every problem. */
export function parseConfig(env: Env): Config {
  const settings = new Settings(env);
  const config = readConfig(settings);
  settings.check();
  return Object.freeze(config);
}

/** variables.ts says what each variable means. */
export function readConfig(settings: Settings): Config {
  const namespace = settings.text('POD_NAMESPACE', OPERATOR_NAMESPACE);
  return {
    kubeconfig: settings.optional('KUBECONFIG'),
    namespace,
    identity: settings.text('POD_NAME', 'local'),
    watchNamespaces: settings.list('WATCH_NAMESPACES'),
    scorerImage: settings.required('SCORER_IMAGE', 'it names the scorer image'),
    imagePullPolicy: settings.choice('SCORER_IMAGE_PULL_POLICY', PULL_POLICIES, 'IfNotPresent'),
    imagePullSecrets: settings.list('SCORER_IMAGE_PULL_SECRETS'),
    clusterDomain: settings.text('CLUSTER_DOMAIN', 'cluster.local'),
    privateSources: settings.text('PRIVATE_SOURCES', 'true') !== 'false',
    egress: {
      httpsProxy: settings.optional('SOURCES_HTTPS_PROXY'),
      noProxy: settings.optional('SOURCES_NO_PROXY'),
      caBundle: settings.optional('SOURCES_CA_BUNDLE'),
    },
    python: python(settings),
    npm: {
      registryUrl: settings.optional('NPM_REGISTRY_URL'),
      registrySecret: settings.optional('NPM_REGISTRY_SECRET'),
    },
    maxPackagesSize: settings.text('PACKAGES_MAX_SIZE', '4Gi'),
    refreshAll: settings.choice('SCORER_UPDATE_POLICY', UPDATE_POLICIES, 'OnChange') === 'Immediate',
    refreshesAtOnce: settings.number('SCORER_UPDATES_AT_ONCE', 3),
    assignUser: settings.text('ASSIGN_USER', 'true') !== 'false',
    verification: verification(settings),
    networkAccess: networkAccess(settings, namespace),
    httpPort: settings.number('HTTP_PORT', 8081),
    logLevel: settings.text('LOG_LEVEL', 'info'),
    workers: settings.number('WORKERS', 8),
    metricsApi: settings.choice('METRICS_API', METRICS_API, 'auto'),
    metricsPort: settings.number('METRICS_PORT', 10_250),
    metricsService: settings.text('METRICS_SERVICE', 'penstock-metrics'),
    metricsOwner: settings.text('METRICS_OWNER', 'penstock-metrics'),
    deployment: settings.text('OPERATOR_DEPLOYMENT', 'penstock-operator'),
    callTimeoutMs: settings.number('CALL_TIMEOUT_MS', 15_000),
    watchIdleMs: settings.number('WATCH_IDLE_MS', 150_000), // the API server sends a bookmark about once a minute
    resyncMs: settings.number('RESYNC_MS', 600_000),
  };
}

/** VERIFICATION: the chart's settings of verification Jobs, as the field of a ModelVersion has them. */
function verification(settings: Settings): VerificationSettings {
  const value = settings.json('VERIFICATION', '{}');
  if (isJsonObject(value)) return value;
  settings.problem('VERIFICATION must be JSON of an object, as spec.verification of a ModelVersion');
  return {};
}

/** PYTHON_IMAGES and the settings of packages. */
function python(settings: Settings): PythonConfig {
  const images = settings.json('PYTHON_IMAGES', '{}');
  if (!isJsonObject(images) || Object.values(images).some((image) => typeof image !== 'string'))
    settings.problem('PYTHON_IMAGES must be JSON of an object with an image for each version of Python');
  return {
    images: images as Record<string, string>,
    defaultVersion: settings.text('PYTHON_DEFAULT_VERSION', '3.11'),
    indexUrl: settings.optional('PYTHON_INDEX_URL'),
    indexSecret: settings.optional('PYTHON_INDEX_SECRET'),
    cacheClaim: settings.optional('PYTHON_CACHE_CLAIM'),
  };
}

/** NETWORK_ACCESS: the peers that may read metrics and send requests; `null` for no NetworkPolicies. */
function networkAccess(settings: Settings, operatorNamespace: string): NetworkAccess | undefined {
  const value = settings.json('NETWORK_ACCESS', '{"metricsFrom": []}') as Partial<NetworkAccess> | null | undefined;
  if (value === null) return undefined;
  const { metricsFrom, requestsFrom = [] } = value ?? {};
  if (Array.isArray(metricsFrom) && Array.isArray(requestsFrom))
    return { operatorNamespace, metricsFrom, requestsFrom };
  settings.problem(
    'NETWORK_ACCESS must be JSON of {"metricsFrom": [peers of a NetworkPolicy], "requestsFrom": [peers]}, or null',
  );
  return undefined;
}

export const fromProcess = (): Config => parseConfig(process.env);
