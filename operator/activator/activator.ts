/** The whole activator: its watches, listeners and health server. Started by main.ts and by tests. */
import { systemClock } from '@penstock/server/clock';
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
import { drain } from './drain.ts';
import { ActivatorListeners } from './listeners.ts';
import { activatorMetrics } from './metrics.ts';

/** Share of V8's heap limit for cached EndpointSlices. */
const CACHE_SHARE = 0.25;
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
    await drain(
      {
        unrouted: unrouted(slices, config.address),
        stopAccepting: () => listeners.stopAccepting(),
        answered: () => listeners.inFlight.none(),
      },
      systemClock,
    );
  } finally {
    watching.abort();
    http.close();
    listeners.closeConnections();
    await watches;
    await pool.close();
  }
}

/** Resolves when no EndpointSlice names the activator with this address. */
function unrouted(slices: Cache<Slice>, address: string): Promise<void> {
  const isRouted = (): boolean =>
    [...slices.values()].some((slice) => isActivatorSlice(slice) && readyAddresses(slice).includes(address));
  return new Promise((resolve) => {
    const check = (): void => void (isRouted() || resolve());
    slices.onChange(check);
    check();
  });
}
