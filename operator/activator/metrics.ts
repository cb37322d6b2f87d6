/** The metrics of the activator, in the registry that is passed in. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';

export type Outcome = 'forwarded' | 'answered' | 'unauthorized' | 'full' | 'failed' | 'timeout' | 'gone';

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function activatorMetrics(registry: Registry) {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    held: new Gauge({
      name: 'penstock_activator_held_requests',
      help: 'Requests that wait for a pod or are being forwarded.',
      registers,
    }),
    requests: new Counter({
      name: 'penstock_activator_requests_total',
      help: 'Requests. outcome: forwarded, answered (health), unauthorized, full, failed (the pod cannot start), timeout, gone.',
      labelNames: ['outcome'],
      registers,
    }),
    wakes: new Counter({
      name: 'penstock_activator_wakes_total',
      help: 'Deployments that were scaled from 0 to 1.',
      registers,
    }),
    coldStart: new Histogram({
      name: 'penstock_activator_cold_start_seconds',
      help: 'Time from the first queued request to the first Ready pod.',
      buckets: [0.5, 1, 2, 3, 5, 10, 20, 60],
      registers,
    }),
    watchErrors: new Counter({
      name: 'penstock_activator_watch_errors_total',
      help: 'Lists and watches that ended with an error.',
      registers,
    }),
  };
}
export type ActivatorMetrics = ReturnType<typeof activatorMetrics>;
