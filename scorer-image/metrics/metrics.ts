/** The scorer's metrics; the registry is made here and handed over, never global. */
import { METRIC } from '@penstock/contract';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function scorerMetrics(labels: { pipeline: string; revision: string }) {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  const registers = [registry];
  return {
    registry,
    requests: new Counter({ name: METRIC.requests, help: 'Scoring requests by status code.', labelNames: ['code'], registers }),
    duration: new Histogram({ name: METRIC.requestDuration, help: 'Time from the first byte of a request to its answer.', buckets: SECONDS, registers }),
    inProgress: new Gauge({ name: METRIC.requestsInProgress, help: 'Scoring requests that have no answer yet.', registers }),
    initDuration: new Gauge({ name: METRIC.initDuration, help: 'Time that loading and init() took.', registers }),
    rejected: new Counter({ name: METRIC.rejected, help: 'Requests that never reached the script.', labelNames: ['reason'], registers }),
  };
}
export type ScorerMetrics = ReturnType<typeof scorerMetrics>;
