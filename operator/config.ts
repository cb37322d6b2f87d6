/** The operator's settings, read once from the environment that the chart writes. */
import { parsedJson } from '@penstock/contract';
import type { NetworkAccess, RenderConfig } from './api/observed.ts';

export interface Config extends RenderConfig {
  /** Absent: the cluster this pod runs in. */
  kubeconfig?: string;
  namespace: string;
  identity: string;
  watchNamespaces: string[];
  httpPort: number;
  logLevel: string;
  workers: number;
  /** Who serves custom.metrics.k8s.io: we, when it is vacant (`auto`) or in any case (`true`); `false`: somebody else, as a user says. */
  metricsApi: 'auto' | 'true' | 'false';
  metricsPort: number;
  /** Our Service for it, in our namespace. */
  metricsService: string;
  /** ClusterRole that owns the registration. */
  metricsOwner: string;
  /** Our own Deployment, for `withdraw`. */
  deployment: string;
  /** Deadline of one call to the API server. */
  callTimeoutMs: number;
  /** Silence after which a watch's connection is dead. */
  watchIdleMs: number;
  /** Every object is looked at again this often. */
  resyncMs: number;
}

type Env = Readonly<Record<string, string | undefined>>;

const HOME = 'penstock-system';
const METRICS_API = ['auto', 'true', 'false'] as const;
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

function networkAccess(
  { NETWORK_ACCESS = '{"metricsFrom": []}', POD_NAMESPACE = HOME }: Env,
  problems: string[],
): Pick<Config, 'networkAccess'> {
  const value = parsedJson(NETWORK_ACCESS) as Partial<NetworkAccess> | null | undefined;
  if (value === null) return {};
  if (Array.isArray(value?.metricsFrom))
    return { networkAccess: { operatorNamespace: POD_NAMESPACE, metricsFrom: value.metricsFrom } };
  problems.push('NETWORK_ACCESS must be JSON of {"metricsFrom": [peers of a NetworkPolicy]}, or null');
  return {};
}

/** Parses the environment; throws one error that names every problem. */
export function parseConfig(env: Env): Config {
  const problems: string[] = [];
  const list = (text = ''): string[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!Number.isInteger(value) || value < 1)
      problems.push(`${name} must be a whole number above 0, not ${env[name]}`);
    return value;
  };
  const pullPolicy = PULL_POLICIES.find((policy) => policy === (env.SCORER_IMAGE_PULL_POLICY ?? 'IfNotPresent'));
  if (!pullPolicy) problems.push(`SCORER_IMAGE_PULL_POLICY must be one of ${PULL_POLICIES.join(', ')}`);
  const metricsApi = METRICS_API.find((mode) => mode === (env.METRICS_API ?? 'auto'));
  if (!metricsApi) problems.push(`METRICS_API must be one of ${METRICS_API.join(', ')}`);
  if (!env.SCORER_IMAGE) problems.push('SCORER_IMAGE must name the scorer image');
  const config: Config = {
    ...(env.KUBECONFIG ? { kubeconfig: env.KUBECONFIG } : {}),
    namespace: env.POD_NAMESPACE ?? HOME,
    identity: env.POD_NAME ?? 'local',
    watchNamespaces: list(env.WATCH_NAMESPACES),
    scorerImage: env.SCORER_IMAGE ?? '',
    imagePullPolicy: pullPolicy ?? 'IfNotPresent',
    imagePullSecrets: list(env.SCORER_IMAGE_PULL_SECRETS),
    clusterDomain: env.CLUSTER_DOMAIN ?? 'cluster.local',
    privateSources: env.PRIVATE_SOURCES !== 'false',
    ...networkAccess(env, problems),
    httpPort: number('HTTP_PORT', 8081),
    logLevel: env.LOG_LEVEL ?? 'info',
    workers: number('WORKERS', 8),
    metricsApi: metricsApi ?? 'auto',
    metricsPort: number('METRICS_PORT', 10_250),
    metricsService: env.METRICS_SERVICE ?? 'penstock-metrics',
    metricsOwner: env.METRICS_OWNER ?? 'penstock-metrics',
    deployment: env.OPERATOR_DEPLOYMENT ?? 'penstock-operator',
    callTimeoutMs: number('CALL_TIMEOUT_MS', 15_000),
    watchIdleMs: number('WATCH_IDLE_MS', 150_000), // bookmarks come about each minute
    resyncMs: number('RESYNC_MS', 600_000),
  };
  if (problems.length > 0) throw new Error(`bad settings: ${problems.join('; ')}`);
  return Object.freeze(config);
}

export const fromProcess = (): Config => parseConfig(process.env);
