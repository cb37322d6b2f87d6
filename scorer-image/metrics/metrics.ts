/** The scorer's metrics, in a registry of their own. */
import { METRIC } from '@penstock/contract';
import { Counter, Gauge, Registry } from 'prom-client';
import { histogram } from './histogram.ts';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is named below
export function scorerMetrics(labels: { pipeline: string; revision: string }) {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  const registers = [registry];
  const codes = new Map<number, number>();
  let inProgress = 0;
  new Counter({
    name: METRIC.requests,
    help: 'Scoring requests by status code.',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      for (const [code, count] of codes) this.inc({ code }, count);
    },
  });
  new Gauge({
    name: METRIC.requestsInProgress,
    help: 'Scoring requests without a response.',
    registers,
    collect() {
      this.set(inProgress);
    },
  });
  return {
    registry,
    /** A scoring request has started. */
    begun: () => void (inProgress += 1),
    /** It has ended with this status code. */
    ended: (code: number): void => {
      inProgress -= 1;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    },
    duration: histogram({
      name: METRIC.requestDuration,
      help: 'Time from the first byte of a request to its response.',
      buckets: SECONDS,
      registry,
    })[''],
    initDuration: new Gauge({ name: METRIC.initDuration, help: 'Time that loading and init() took.', registers }),
    steps: histogram({
      name: METRIC.stepDuration,
      help: 'Parts of a request: read (until its body is here), queue (until it goes to the worker), run (in the worker).',
      label: { name: 'step', values: ['read', 'queue', 'run'] },
      buckets: SECONDS,
      registry,
    }),
    batchSize: histogram({
      name: METRIC.batchSize,
      help: 'Rows of each call of an ONNX model.',
      buckets: ROWS,
      registry,
    })[''],
    queueDepth: (depth: () => number) =>
      new Gauge({
        name: METRIC.queueDepth,
        help: 'Requests that wait for a worker.',
        registers,
        collect() {
          this.set(depth());
        },
      }),
    batchingDisabled: new Counter({
      name: METRIC.batchingDisabled,
      help: 'Models whose calls are no longer joined, because a joined result differed from a single one.',
      registers,
    }),
    workersReplaced: new Counter({
      name: METRIC.workersReplaced,
      help: 'Workers that were replaced: a request needed more memory than they may use, or their process ended or hung.',
      registers,
    }),
    rejected: new Counter({
      name: METRIC.rejected,
      help: 'Requests that were refused before they reached the script. reason: unauthorized, not_ready, busy.',
      labelNames: ['reason'],
      registers,
    }),
  };
}
export type ScorerMetrics = ReturnType<typeof scorerMetrics>;
