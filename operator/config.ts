/** The operator's settings, read once from the environment that the chart writes. */
import { Settings, type Env } from '@penstock/server/settings';
import type { NetworkAccess, RenderConfig } from './api/observed.ts';

export interface Config extends RenderConfig {
  /** Undefined: the cluster this pod runs in. */
  kubeconfig: string | undefined;
  /** The operator's own namespace. */
  namespace: string;
  /** Name of this replica in the Lease. */
  identity: string;
  /** Empty: all namespaces. */
  watchNamespaces: string[];
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

/** NETWORK_ACCESS: the peers that may read the metrics of pods; `null` for no NetworkPolicies. */
function networkAccess(settings: Settings, operatorNamespace: string): NetworkAccess | undefined {
  const value = settings.json('NETWORK_ACCESS', '{"metricsFrom": []}') as Partial<NetworkAccess> | null | undefined;
  if (value === null) return undefined;
  if (Array.isArray(value?.metricsFrom)) return { operatorNamespace, metricsFrom: value.metricsFrom };
  settings.problem('NETWORK_ACCESS must be JSON of {"metricsFrom": [peers of a NetworkPolicy]}, or null');
  return undefined;
}

export const fromProcess = (): Config => parseConfig(process.env);
