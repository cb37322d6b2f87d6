/** The server of port 9090 for the kubelet, Prometheus and the operator. It needs no key and runs no user code. */
import { OPERATOR_PATH, type ScorerStats } from '@penstock/contract';
import { healthServer, type HealthRoutes } from '@penstock/server/healthServer';
import type { Server } from 'node:http';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { Demand } from '../metrics/demand.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { Dispatcher } from '../run/dispatcher.ts';
import type { TrafficTable } from './trafficTable.ts';

export interface ManagementServerDeps {
  config: ScorerConfig;
  lifecycle: Lifecycle;
  traffic: TrafficTable;
  metrics: ScorerMetrics;
  dispatcher: Dispatcher;
  demand: Demand;
  /** How long a server of the user's own has not answered. */
  serverLostForMs?: (() => number) | undefined;
}

/** The kubelet, Prometheus and the operator replicas keep a few each. */
const MAX_CONNECTIONS = 256;
const KEEP_ALIVE_MS = 65_000;
const MAX_WAITING = 2;
/** After this time, the kubelet restarts the container of a server of the user's own. */
const SERVER_LOST_MS = 60_000;

export function managementServer({
  config,
  lifecycle,
  traffic,
  metrics,
  dispatcher,
  demand,
  serverLostForMs = () => 0,
}: ManagementServerDeps): Server {
  const ready = (): string | undefined => {
    if (lifecycle.phase !== 'Ready') return lifecycle.phase;
    if (!dispatcher.canServe) return 'no worker can take a request: the log says why, and another one starts';
    return traffic.known || config.auth === 'None'
      ? undefined
      : 'the traffic table with the key hashes is not mounted yet';
  };
  const checks: HealthRoutes['checks'] = {
    [OPERATOR_PATH.live]: () => (lifecycle.phase === 'Failed' ? 'Failed' : undefined),
    // One probe waits for init(): a probe that fails would be a Warning event at each normal start.
    [OPERATOR_PATH.startup]: async () => {
      await lifecycle.loaded;
      return lifecycle.started ? undefined : 'init() has failed';
    },
    [OPERATOR_PATH.ready]: ready,
    // A server of the user's own serves on until then.
    [OPERATOR_PATH.server]: () =>
      serverLostForMs() > SERVER_LOST_MS ? 'the server container has not answered for a minute' : undefined,
    [OPERATOR_PATH.drained]: drainedCheck(lifecycle),
  };
  const stats = (): ScorerStats => {
    const { idleSeconds, ...figures } = demand.figures(performance.now());
    return {
      revision: config.revision,
      phase: lifecycle.phase,
      inFlight: dispatcher.inProgress,
      ...figures,
      idleSeconds: dispatcher.inProgress > 0 ? 0 : idleSeconds,
      ...(lifecycle.warning !== undefined && { warning: lifecycle.warning }),
    };
  };
  return healthServer(
    { checks, documents: { [OPERATOR_PATH.stats]: stats }, registry: metrics.registry },
    { connections: MAX_CONNECTIONS, keepAliveMs: KEEP_ALIVE_MS },
  );
}

/**
 * Two may wait, so that waiting requests cannot take all connections; the oldest one gets 503 when a third one comes.
 */
function drainedCheck({ drained }: Lifecycle): () => Promise<string | undefined> {
  const waiting: ((problem: string) => void)[] = [];
  return () => {
    if (waiting.length === MAX_WAITING) waiting.shift()!('another request waits');
    return Promise.race([drained, new Promise<string>((resolve) => waiting.push(resolve))]);
  };
}
