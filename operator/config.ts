/** The operator's settings, read once from the environment that the chart writes. */
import type { RenderConfig } from './api/observed.ts';

export interface Config extends RenderConfig {
  /** Absent: the cluster this pod runs in. */
  kubeconfig?: string;
  namespace: string;
  identity: string;
  watchNamespaces: string[];
  httpPort: number;
  logLevel: string;
  workers: number;
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

/** Parses the environment; throws one error that names every problem. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const list = (text = ''): string[] => text.split(',').map((part) => part.trim()).filter(Boolean);
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) problems.push(`${name} must be a whole number, not ${env[name]}`);
    return value;
  };
  const pullPolicy = PULL_POLICIES.find((policy) => policy === (env.SCORER_IMAGE_PULL_POLICY ?? 'IfNotPresent'));
  if (!pullPolicy) problems.push(`SCORER_IMAGE_PULL_POLICY must be one of ${PULL_POLICIES.join(', ')}`);
  if (!env.SCORER_IMAGE) problems.push('SCORER_IMAGE must name the scorer image');
  const config: Config = {
    ...(env.KUBECONFIG ? { kubeconfig: env.KUBECONFIG } : {}),
    namespace: env.POD_NAMESPACE ?? 'penstock-system',
    identity: env.POD_NAME ?? 'local',
    watchNamespaces: list(env.WATCH_NAMESPACES),
    scorerImage: env.SCORER_IMAGE ?? '',
    imagePullPolicy: pullPolicy ?? 'IfNotPresent',
    imagePullSecrets: list(env.SCORER_IMAGE_PULL_SECRETS),
    clusterDomain: env.CLUSTER_DOMAIN ?? 'cluster.local',
    httpPort: number('HTTP_PORT', 8081),
    logLevel: env.LOG_LEVEL ?? 'info',
    workers: number('WORKERS', 8),
  };
  if (problems.length > 0) throw new Error(`bad settings: ${problems.join('; ')}`);
  return Object.freeze(config);
}

export const fromProcess = (): Config => parseConfig(process.env);
