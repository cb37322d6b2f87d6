/** The column Scaling: what the autoscaler saw and what came of it, in one line that does not change for nothing. */
import { expect } from 'chai';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Stored } from '@penstock/kube/api/objects';
import { effective } from '../../../../operator/desired/effective.ts';
import { scalingMessage, ignoreSmallChanges } from '../../../../operator/status/scaling.ts';

const settings = effective({
  target: 'Production',
  scaling: {
    metrics: [
      { type: 'Concurrency', averageValue: 4 },
      { type: 'CPU', averageUtilization: 70 },
    ],
  },
});
const concurrency = (averageValue: string): object => ({
  type: 'Pods',
  pods: { metric: { name: 'penstock_concurrency' }, current: { averageValue } },
});
const cpu = (averageUtilization: number): object => ({
  type: 'ContainerResource',
  containerResource: { name: 'cpu', container: 'scorer', current: { averageUtilization } },
});
const seen = (desiredReplicas: number, ...currentMetrics: object[]): Stored<HorizontalPodAutoscaler> =>
  ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'iris-1' },
    status: { desiredReplicas, currentMetrics, conditions: [] },
  }) as unknown as Stored<HorizontalPodAutoscaler>;

describe('the scaling line', () => {
  const ROWS: [autoscaler: Stored<HorizontalPodAutoscaler>, line: string][] = [
    [seen(3, concurrency('7200m')), 'concurrency 7.2 of 4 target → 3 replicas'],
    [seen(2, concurrency('0')), 'concurrency 0.0 of 4 target → 2 replicas, the minimum'],
    [seen(10, concurrency('31')), 'concurrency 31.0 of 4 target → 10 replicas, the maximum'],
    [seen(4, concurrency('3900m'), cpu(85)), 'concurrency 3.9 of 4 target, CPU 85% of 70% target → 4 replicas'],
    [seen(3), 'no figures yet → 3 replicas'],
  ];
  for (const [autoscaler, line] of ROWS) it(line, () => expect(scalingMessage(autoscaler, settings, 1)).to.equal(line));

  const before = 'concurrency 7.2 of 4 target → 3 replicas';
  for (const [says, now, stays] of [
    ['a figure that moves a little is no news', 'concurrency 8.0 of 4 target → 3 replicas', true],
    ['one that moves by more than a fifth is', 'concurrency 9.0 of 4 target → 3 replicas', false],
    ['another count is', 'concurrency 7.2 of 4 target → 4 replicas', false],
    ['another metric beside it is', 'concurrency 7.2 of 4 target, CPU 85% of 70% target → 3 replicas', false],
  ] as const)
    it(says, () => expect(ignoreSmallChanges(now, before)).to.equal(stays ? before : now));
});
