/** The queues of the controllers, and the resync. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { operatorMetrics } from '../../../operator/metrics.ts';
import { enqueueAll, newQueues } from '../../../operator/queues.ts';

describe('the queues of the controllers', () => {
  it('measure how many seconds a key waits, for each controller', async () => {
    const registry = new Registry();
    const metrics = operatorMetrics(registry);
    const queues = newQueues(metrics);
    queues.modelVersions.add('ns/a');
    await sleep(20);
    expect(await queues.modelVersions.get()).to.equal('ns/a');
    const { values } = await metrics.queueWait.get();
    const [sum] = values.filter(({ metricName }) => metricName?.endsWith('_sum'));
    expect(sum!.labels).to.deep.equal({ controller: 'modelversion' });
    expect(sum!.value).to.be.within(0.015, 10);
    for (const queue of Object.values(queues)) queue.shutDown();
  });

  it('get every object in a resync, spread over the time', () => {
    const added: [controller: string, key: string, ms: number][] = [];
    const of = (...names: string[]) => ({
      values: () => names.map((name) => ({ metadata: { namespace: 'ns', name } })).values(),
    });
    const queue = (controller: string) => ({
      addAfter: (key: string, ms: number) => void added.push([controller, key, ms]),
    });
    enqueueAll(
      { pipelines: of('a', 'b'), modelVersions: of('c') } as never,
      { pipelines: queue('pipelines'), modelVersions: queue('modelVersions') },
      1_000,
    );
    expect(added.map(([controller, key]) => `${controller} ${key}`)).to.deep.equal([
      'pipelines ns/a',
      'pipelines ns/b',
      'modelVersions ns/c',
    ]);
    for (const [, , ms] of added) expect(ms).to.be.within(0.000_001, 1_000);
  });
});
