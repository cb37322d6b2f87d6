/** The activator's settings, read once from the environment that the chart writes. */
export interface ActivatorConfig {
  /** Absent: the cluster this pod runs in. */
  kubeconfig?: string;
  watchNamespaces: string[];
  /** For health and metrics. */
  httpPort: number;
  logLevel: string;
  /** This pod's own, under which EndpointSlices lead to it. */
  address: string;
  watchIdleMs: number;
}

export const fromProcess = (): ActivatorConfig => parseActivatorConfig(process.env);

/** Parses the environment; throws one error that names every problem. */
export function parseActivatorConfig(env: Readonly<Record<string, string | undefined>>): ActivatorConfig {
  const [httpPort, watchIdleMs] = [Number(env.HTTP_PORT ?? 8081), Number(env.WATCH_IDLE_MS ?? 150_000)];
  const problems = [
    ...(Number.isInteger(httpPort) && httpPort > 0 ? [] : [`HTTP_PORT must be a port, not ${env.HTTP_PORT}`]),
    ...(Number.isInteger(watchIdleMs) && watchIdleMs > 0
      ? []
      : [`WATCH_IDLE_MS must be a whole number above 0, not ${env.WATCH_IDLE_MS}`]),
    ...(env.POD_IP ? [] : ['POD_IP must be the address of this pod']),
  ];
  if (problems.length > 0) throw new Error(`bad settings: ${problems.join('; ')}`);
  const watchNamespaces = (env.WATCH_NAMESPACES ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  return Object.freeze({
    ...(env.KUBECONFIG ? { kubeconfig: env.KUBECONFIG } : {}),
    watchNamespaces,
    httpPort,
    watchIdleMs,
    logLevel: env.LOG_LEVEL ?? 'info',
    address: env.POD_IP!,
  });
}
