/** The activator's settings, read once from the environment that the chart writes. */
import { Settings, type Env } from '@penstock/server/settings';

export interface ActivatorConfig {
  /** Undefined: the cluster this pod runs in. */
  kubeconfig: string | undefined;
  /** Empty: all namespaces. */
  watchNamespaces: string[];
  /** For health and metrics. */
  httpPort: number;
  logLevel: string;
  /** IP of this pod, as EndpointSlices have it. */
  address: string;
  watchIdleMs: number;
}

export const fromProcess = (): ActivatorConfig => parseActivatorConfig(process.env);

/** Throws one error that names every problem. */
function parseActivatorConfig(env: Env): ActivatorConfig {
  const settings = new Settings(env);
  const config = readActivatorConfig(settings);
  settings.check();
  return Object.freeze(config);
}

/** ../variables.ts says what each variable means. */
export function readActivatorConfig(settings: Settings): ActivatorConfig {
  return {
    kubeconfig: settings.optional('KUBECONFIG'),
    watchNamespaces: settings.list('WATCH_NAMESPACES'),
    httpPort: settings.number('HTTP_PORT', 8081),
    watchIdleMs: settings.number('WATCH_IDLE_MS', 150_000),
    logLevel: settings.text('LOG_LEVEL', 'info'),
    address: settings.required('POD_IP', 'it is the IP of this pod, by the downward API'),
  };
}
