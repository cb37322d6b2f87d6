/** The metrics of the operator, in the registry that is passed in. */
import { collectDefaultMetrics, Counter, Gauge, type Registry } from 'prom-client';
import { controllerMetrics } from '@penstock/kube/controller/metrics';

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function operatorMetrics(registry: Registry) {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    ...controllerMetrics('penstock_operator', registry),
    writes: new Counter({
      name: 'penstock_operator_writes_total',
      help: 'Calls that may change an object. Without changes it does not grow, except for Lease.',
      labelNames: ['method', 'kind'],
      registers,
    }),
    watchErrors: new Counter({
      name: 'penstock_operator_watch_errors_total',
      help: 'Lists, watches and Lease calls that ended with an error.',
      registers,
    }),
    behind: new Gauge({
      name: 'penstock_operator_pipelines_behind',
      help: 'Pipelines whose active revision has another scorer image than new revisions get.',
      registers,
    }),
    leader: new Gauge({ name: 'penstock_operator_leader', help: '1 while this replica is the leader.', registers }),
  };
}
export type OperatorMetrics = ReturnType<typeof operatorMetrics>;
