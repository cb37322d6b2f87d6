/** Response bodies of custom.metrics.k8s.io. */
import { expect } from 'chai';
import { isMetric, metricValueList, resourceList } from '../../../../operator/metricsapi/answers.ts';
import type { Reading } from '../../../../operator/scorers/stats.ts';
import { NOW, podOf, stored } from '../../../support/fixtures/objects.ts';

const reading = (concurrency: number): Reading => ({
  pod: podOf(stored()),
  stats: { revision: '', phase: 'Ready', inFlight: 0, concurrency, requestsPerSecond: 7, idleSeconds: 0 },
  at: NOW,
});
const valueOf = (metric: string, one: Reading) =>
  (metricValueList(metric, [one]) as { items: { value: string; timestamp: string }[] }).items[0]!;

describe('custom.metrics.k8s.io', () => {
  const rows: [number, string][] = [
    [0, '0m'],
    [2.5, '2500m'],
    [0.0004, '0m'],
    [1000, '1000000m'],
  ];
  for (const [concurrency, value] of rows)
    it(`a concurrency of ${concurrency} is ${value}`, () =>
      expect(valueOf('penstock_concurrency', reading(concurrency)).value).to.equal(value));

  it('requests per second are another metric', () =>
    expect(valueOf('penstock_requests_per_second', reading(1)).value).to.equal('7000m'));
  it('a value has the time at which it was read', () =>
    expect(valueOf('penstock_concurrency', reading(1)).timestamp).to.equal('2026-11-23T12:00:00Z'));
  it('other names are no metrics', () => expect(['toString', 'cpu'].some(isMetric)).to.equal(false));
  it('discovery names both metrics', () =>
    expect((resourceList() as { resources: { name: string }[] }).resources.map(({ name }) => name)).to.deep.equal([
      'pods/penstock_concurrency',
      'pods/penstock_requests_per_second',
    ]));
});
