/** What Prometheus reads of a scorer. */
import { expect } from 'chai';
import { scorerMetrics } from '../../../scorer-image/metrics/metrics.ts';

describe('the metrics of a scorer', () => {
  const metrics = () => scorerMetrics({ pipeline: 'iris', revision: 'iris-1' });
  const labels = 'pipeline="iris",revision="iris-1"';
  const lines = async ({ registry }: ReturnType<typeof metrics>): Promise<string[]> =>
    (await registry.metrics()).split('\n');

  it('count requests by status, and those in progress', async () => {
    const all = metrics();
    for (let i = 0; i < 4; i++) all.begun();
    for (const code of [200, 200, 429]) all.ended(code);
    expect(await lines(all)).to.include.members([
      `penstock_requests_total{code="200",${labels}} 2`,
      `penstock_requests_total{code="429",${labels}} 1`,
      `penstock_requests_in_progress{${labels}} 1`,
    ]);
  });

  it('have the three parts of a request', async () => {
    const all = metrics();
    all.steps.read.observe(0.002);
    all.steps.queue.observe(0.004);
    all.steps.run.observe(0.008);
    const sums = (await lines(all)).filter((line) => line.startsWith('penstock_step_duration_seconds_sum'));
    expect(sums.map((line) => [/step="(\w+)"/.exec(line)?.[1], line.split(' ').at(-1)])).to.deep.equal([
      ['read', '0.002'],
      ['queue', '0.004'],
      ['run', '0.008'],
    ]);
  });

  it('have the duration of requests and the rows of calls, in buckets', async () => {
    const all = metrics();
    all.duration.observe(0.003);
    all.batchSize.observe(3);
    const found = await lines(all);
    const bucket = (name: string, le: string) => found.find((line) => line.startsWith(`${name}_bucket{le="${le}"`));
    expect(bucket('penstock_request_duration_seconds', '0.0025')).to.match(/ 0$/);
    expect(bucket('penstock_request_duration_seconds', '0.005')).to.match(/ 1$/);
    expect(bucket('penstock_batch_size', '2')).to.match(/ 0$/);
    expect(bucket('penstock_batch_size', '4')).to.match(/ 1$/);
  });

  it('ask for the length of the queue when they are read', async () => {
    const all = metrics();
    let depth = 1;
    all.queueDepth(() => depth);
    depth = 5;
    expect(await lines(all)).to.include(`penstock_queue_depth{${labels}} 5`);
  });

  it('have the time of init(), and count what was refused, replaced and no longer batched', async () => {
    const all = metrics();
    all.initDuration.set(1.5);
    all.rejected.inc({ reason: 'busy' });
    all.workersReplaced.inc();
    all.batchingDisabled.inc();
    expect(await lines(all)).to.include.members([
      `penstock_init_duration_seconds{${labels}} 1.5`,
      `penstock_rejected_total{reason="busy",${labels}} 1`,
      `penstock_workers_replaced_total{${labels}} 1`,
      `penstock_batching_disabled{${labels}} 1`,
    ]);
  });
});
