/** The metrics of controllers. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Registers the metrics, whose names begin with `prefix`. All have the label `controller`. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function controllerMetrics(prefix: string, registry: Registry) {
  const registers = [registry];
  return {
    reconciles: new Counter({
      name: `${prefix}_reconciles_total`,
      help: 'Reconciles. result: rest, after (again at a set time), retry.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileDuration: new Histogram({
      name: `${prefix}_reconcile_duration_seconds`,
      help: 'Duration of a reconcile.',
      labelNames: ['controller'],
      buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 2, 10],
      registers,
    }),
    retries: new Counter({
      name: `${prefix}_retries_total`,
      help: 'Retried reconciles. failure: conflict (another writer was faster), overloaded (429, 5xx, no response), failed.',
      labelNames: ['controller', 'failure'],
      registers,
    }),
    queueWait: new Histogram({
      name: `${prefix}_queue_wait_seconds`,
      help: 'Time that a key waited for a worker.',
      labelNames: ['controller'],
      buckets: [0.001, 0.01, 0.1, 1, 10, 60],
      registers,
    }),
    queueDepth: new Gauge({
      name: `${prefix}_queue_depth`,
      help: 'Keys that wait for a worker.',
      labelNames: ['controller'],
      registers,
    }),
    longestWork: new Gauge({
      name: `${prefix}_longest_work_seconds`,
      help: 'Running time of the oldest reconcile.',
      labelNames: ['controller'],
      registers,
    }),
  };
}
export type ControllerMetrics = ReturnType<typeof controllerMetrics>;
