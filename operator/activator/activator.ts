/** The whole activator: its watches, listeners and health server. Started by main.ts and by tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { Registry } from 'prom-client';
import type { Logger } from '@penstock/server/logger';
import { isActivatorSlice, readyAddresses, type Slice } from '../api/endpointSlices.ts';
import { CLIENT_PROFILE, KIND } from '../api/kinds.ts';
import { MANAGED_SELECTOR } from '../api/labels.ts';
import { Cache } from '@penstock/kube/cache/cache';
import { KubeClient } from '@penstock/kube/client/client';
import { endpointSliceKeys } from '../caches/indexes.ts';
import { kubeConfig, Pool } from '@penstock/kube/client/pool';
import { isAborted } from '@penstock/kube/client/signals';
import { Reflector } from '@penstock/kube/cache/reflector';
import { healthServer } from '@penstock/server/healthServer';
import { FairShare } from '@penstock/kube/cache/fairShare';
import type { ActivatorConfig } from './config.ts';
import { ActivatorListeners } from './listeners.ts';
import { UPSTREAM_IDLE_MS } from './forward.ts';
import { QUEUE_TIMEOUT_MS } from './bufferedRequest.ts';
import { activatorMetrics } from './metrics.ts';

/** Share of V8's heap limit for cached EndpointSlices. */
const CACHE_SHARE = 0.25;
/** After SIGTERM: the most that removal from all EndpointSlices may take, and the time that nodes then need. */
const ROUTE_REMOVAL_MS = { slices: 20_000, nodes: 2_000 };
/**
 * Upper bound of draining: queue timeout, the largest requestTimeout (1 h), and the idle timeout of a connection to a
 * pod.
 */
const DRAIN_TIMEOUT_MS = QUEUE_TIMEOUT_MS + 3_600_000 + UPSTREAM_IDLE_MS;

const HEALTH_LIMITS = { connections: 128, keepAliveMs: 5_000 };

/** Runs until `signal` is aborted, and then until every queued request has a response. */
export async function runActivator(config: ActivatorConfig, logger: Logger, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  const metrics = activatorMetrics(registry);
  const onError = (error: unknown): undefined => {
    metrics.watchErrors.inc();
    logger.warn('call to the API server failed', { error: error instanceof Error ? error.message : String(error) });
  };
  const pool = new Pool(() => kubeConfig(config.kubeconfig));
  const client = new KubeClient(pool, CLIENT_PROFILE);
  const slices = new Cache<Slice>(
    endpointSliceKeys,
    onError,
    new FairShare(CACHE_SHARE * getHeapStatistics().heap_size_limit),
  );
  const places = config.watchNamespaces.length > 0 ? config.watchNamespaces.map((namespace) => ({ namespace })) : [{}];
  const reflectors = places.map(
    (place) =>
      new Reflector(client, slices, {
        kind: KIND.endpointSlice,
        ...place,
        labelSelector: MANAGED_SELECTOR,
        idleMs: config.watchIdleMs,
        onError,
      }),
  );
  const listeners = new ActivatorListeners({ slices, client, metrics, logger, onError });
  const ready = (): string | undefined => {
    if (isAborted(signal)) return 'ending';
    return reflectors.every(({ synced }) => synced) ? listeners.notReadyReason : 'caches are not filled yet';
  };
  const checks = { '/healthz': () => undefined, '/readyz': ready };
  const http = healthServer({ checks, registry }, HEALTH_LIMITS);
  http.listen(config.httpPort);
  const watching = new AbortController();
  const watches = Promise.all(reflectors.map((reflector) => reflector.run(watching.signal)));
  try {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await drain(listeners, () =>
      [...slices.values()].some((slice) => isActivatorSlice(slice) && readyAddresses(slice).includes(config.address)),
    );
  } finally {
    watching.abort();
    http.close();
    listeners.closeConnections();
    await watches;
    await pool.close();
  }
}

/** Graceful shutdown: wait until removed from EndpointSlices, stop accepting, drain the requests in flight. */
async function drain(listeners: ActivatorListeners, isRouted: () => boolean): Promise<void> {
  const until = async (done: () => boolean, maxMs: number): Promise<void> => {
    for (const end = performance.now() + maxMs; !done() && performance.now() < end;) await sleep(50);
  };
  await until(() => !isRouted(), ROUTE_REMOVAL_MS.slices);
  await sleep(ROUTE_REMOVAL_MS.nodes);
  listeners.stopAccepting();
  await until(() => listeners.inFlight === 0, DRAIN_TIMEOUT_MS);
  await sleep(100); // until the last bytes are written
}
