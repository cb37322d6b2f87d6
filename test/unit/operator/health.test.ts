/** When the operator is healthy and ready, and what its gauges are set to. */
import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Cache } from '@penstock/kube/cache/cache';
import type { InferencePipeline } from '../../../operator/api/types.gen.ts';
import { healthRoutes } from '../../../operator/health.ts';
import { operatorMetrics } from '../../../operator/metrics.ts';
import { pipeline } from '../../support/fixtures/objects.ts';

const IDLE = { depth: 0, longestWorkMs: 0 };

describe('the health of the operator', () => {
  function routes({ kube = {}, pipelines = {}, modelVersions = {}, ended = false }) {
    const registry = new Registry();
    const cache = new Cache<InferencePipeline>();
    const stop = new AbortController();
    if (ended) stop.abort();
    const made = healthRoutes(
      { msSinceLastEvent: 0, synced: true, caches: { pipelines: cache }, ...kube },
      { pipelines: { ...IDLE, ...pipelines }, modelVersions: { ...IDLE, ...modelVersions } },
      { metrics: operatorMetrics(registry), signal: stop.signal, scorerImage: 'scorer:2' },
    );
    return { ...made, cache, value: async (name: string) => (await registry.getSingleMetric(name)!.get()).values };
  }

  const rows: [what: string, state: Parameters<typeof routes>[0], problem: string | undefined][] = [
    ['an operator with events and short reconciles', {}, undefined],
    ['ten minutes without an event', { kube: { msSinceLastEvent: 600_000 } }, undefined],
    ['a longer silence', { kube: { msSinceLastEvent: 600_500 } }, 'no event from the API server for 601 s'],
    ['a reconcile of five minutes', { pipelines: { longestWorkMs: 300_000 } }, undefined],
    [
      'a longer reconcile of a pipeline',
      { pipelines: { longestWorkMs: 301_000 } },
      'a reconcile has been running for 301 s',
    ],
    [
      'a longer reconcile of a ModelVersion',
      { modelVersions: { longestWorkMs: 400_000 } },
      'a reconcile has been running for 400 s',
    ],
  ];
  for (const [what, state, problem] of rows)
    it(`${what}: ${problem ?? 'healthy'}`, () => expect(routes(state).checks['/healthz']!()).to.equal(problem));

  it('it is ready with filled caches, until it ends', () => {
    expect(routes({}).checks['/readyz']!()).to.equal(undefined);
    expect(routes({ kube: { synced: false } }).checks['/readyz']!()).to.equal('caches are not filled yet');
    expect(routes({ ended: true }).checks['/readyz']!()).to.equal('ending');
  });

  it('before a scrape, the gauges have depth and longest work of each queue', async () => {
    const { beforeScrape, value } = routes({
      pipelines: { depth: 3, longestWorkMs: 2_500 },
      modelVersions: { depth: 1, longestWorkMs: 500 },
    });
    beforeScrape!();
    const byController = async (name: string) =>
      (await value(name)).map(({ labels, value: found }) => [labels.controller, found]);
    expect(await byController('penstock_operator_queue_depth')).to.deep.equal([
      ['pipeline', 3],
      ['modelversion', 1],
    ]);
    expect(await byController('penstock_operator_longest_work_seconds')).to.deep.equal([
      ['pipeline', 2.5],
      ['modelversion', 0.5],
    ]);
  });

  it('before a scrape, pipelines with another scorer image are counted', async () => {
    const { beforeScrape, cache, value } = routes({});
    for (const [name, scorerImage] of Object.entries({ a: 'scorer:1', b: 'scorer:2', c: 'scorer:1', d: undefined })) {
      const one = pipeline();
      cache.put({
        ...one,
        metadata: { ...one.metadata, name, uid: name },
        status: scorerImage === undefined ? {} : { scorerImage },
      });
    }
    beforeScrape!();
    expect((await value('penstock_operator_pipelines_behind'))[0]!.value).to.equal(2);
  });
});
