/** The activator's own metrics. The registry is handed over, never global. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';

export type Outcome = 'forwarded' | 'answered' | 'unauthorized' | 'full' | 'failed' | 'timeout' | 'gone';

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function activatorMetrics(registry: Registry) {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    held: new Gauge({ name: 'penstock_activator_held_requests', help: 'Requests that wait for a pod now.', registers }),
    requests: new Counter({
      name: 'penstock_activator_requests_total',
      help: 'Requests by what became of them.',
      labelNames: ['outcome'],
      registers,
    }),
    wakes: new Counter({
      name: 'penstock_activator_wakes_total',
      help: 'Deployments that were given their first pod.',
      registers,
    }),
    coldStart: new Histogram({
      name: 'penstock_activator_cold_start_seconds',
      help: 'From the first request that waits to the first pod that can take it.',
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
