/** Our histogram in the words of Prometheus, as prom-client's own would say it. */
import { expect } from 'chai';
import { Histogram, Registry } from 'prom-client';
import { histogram } from '../../../scorer-image/metrics/histogram.ts';

const values = [0.5, 1, 1.5, 2, 7];
const options = { name: 'h', help: 'Some help.', buckets: [1, 2] };

describe('the histogram of the hot path', () => {
  const both = (): [Registry, Registry] => {
    const registries: [Registry, Registry] = [new Registry(), new Registry()];
    for (const registry of registries) registry.setDefaultLabels({ pipeline: 'p' });
    return registries;
  };

  it('has the same text as prom-client’s', async () => {
    const [ours, theirs] = both();
    const series = histogram({ ...options, registry: ours })[''];
    const reference = new Histogram({ ...options, registers: [theirs] });
    for (const value of values) {
      series.observe(value);
      reference.observe(value);
    }
    expect(await ours.metrics()).to.equal(await theirs.metrics());
  });

  it('and with a label, also without observations', async () => {
    const [ours, theirs] = both();
    histogram({ ...options, registry: ours, label: { name: 'step', values: ['a', 'b'] } }).a.observe(3);
    const reference = new Histogram({ ...options, labelNames: ['step'], registers: [theirs] });
    reference.observe({ step: 'a' }, 3);
    reference.zero({ step: 'b' });
    expect(await ours.metrics()).to.equal(await theirs.metrics());
  });
});
