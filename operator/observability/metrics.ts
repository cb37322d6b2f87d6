/** The metrics of the operator, in the registry that is passed in. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function operatorMetrics(registry: Registry) {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    reconciles: new Counter({
      name: 'penstock_operator_reconciles_total',
      help: 'Reconciles by controller and result.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileDuration: new Histogram({
      name: 'penstock_operator_reconcile_duration_seconds',
      help: 'Duration of a reconcile.',
      labelNames: ['controller'],
      buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 2, 10],
      registers,
    }),
    writes: new Counter({
      name: 'penstock_operator_writes_total',
      help: 'Requests to the API server that may change something.',
      labelNames: ['method', 'kind'],
      registers,
    }),
    retries: new Counter({
      name: 'penstock_operator_retries_total',
      help: 'Reconciles that are retried, by kind of failure.',
      labelNames: ['controller', 'failure'],
      registers,
    }),
    queueWait: new Histogram({
      name: 'penstock_operator_queue_wait_seconds',
      help: 'Time that a key waited for a worker.',
      labelNames: ['controller'],
      buckets: [0.001, 0.01, 0.1, 1, 10, 60],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'penstock_operator_queue_depth',
      help: 'Keys that wait for a worker.',
      labelNames: ['controller'],
      registers,
    }),
    longestWork: new Gauge({
      name: 'penstock_operator_longest_work_seconds',
      help: 'Running time of the oldest reconcile.',
      labelNames: ['controller'],
      registers,
    }),
    watchErrors: new Counter({
      name: 'penstock_operator_watch_errors_total',
      help: 'Lists, watches and Lease calls that ended with an error.',
      registers,
    }),
    leader: new Gauge({ name: 'penstock_operator_leader', help: '1 while this replica is the leader.', registers }),
  };
}
export type OperatorMetrics = ReturnType<typeof operatorMetrics>;
