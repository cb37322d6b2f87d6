/**
 * `npm run test:zero [-- --wakes 100 --per-cycle 100 --cold-starts 10]`: on the real cluster, pipelines go to zero and
 * come back while clients ask, some of them in the very moment of it; then cold starts part by part. Prints Markdown;
 * fails when a request is lost or a cold start takes too long.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../bench/figures.ts';
import { up } from '../../../hack/cluster/cluster.ts';
import { deploy } from '../../../hack/cluster/deploy.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { main, say } from '../../../hack/cluster/say.ts';
import { eventually } from '../../e2e/releasedCluster.ts';
import { coldStart, PARTS, type ColdStart } from './coldStart.ts';
import { cycle } from './cycles.ts';
import { Sleepers } from './sleepers.ts';

const COLD_LIMIT_MS = 5_000;
const PIPELINES = ['a', 'b', 'c', 'd'];

await main(async () => {
  const { values } = parseArgs({
    options: {
      wakes: { type: 'string', default: '100' },
      'per-cycle': { type: 'string', default: '100' },
      'cold-starts': { type: 'string', default: '10' },
    },
  });
  await up();
  const { scorer } = await deploy();
  const place = new Sleepers('zero-cycles');
  await place.begin(`penstock/scorer:${scorer}`);
  try {
    for (const name of PIPELINES) await place.apply(name);
    for (const name of PIPELINES) await place.serves(name);
    const all = await cycle(place, PIPELINES, {
      wakes: Number(values.wakes),
      perCycle: Number(values['per-cycle']),
      roundOf: 6,
      mostRounds: 60,
      onRound: ({ wakes, sent, ok, failures }) =>
        say(`${wakes} wakes, ${sent} requests, ${sent - ok} lost ${JSON.stringify(failures)}`),
    });
    const cold = all.firstMs.filter((ms) => ms > 1000);
    console.log(
      `\n## ${all.wakes} times from zero to one and back\n\n${all.sent} requests, half of them on kept connections, ${all.sent - all.ok} lost ${JSON.stringify(all.failures)}. Four pipelines side by side; each cycle's first request comes 10 to 16 s after the last one, half of them within the half second in which the pod is put to sleep.`,
    );
    console.log(
      `First request of a cycle that found no pod: median ${percentile(cold, 50)} ms, p95 ${percentile(cold, 95)} ms, slowest ${Math.max(...cold)} ms (${cold.length} of ${all.firstMs.length}).\n`,
    );
    for (const name of PIPELINES) await place.kubectl(['delete', 'ipl', name]);

    await place.kubectl(['apply', '-f', join(root, 'examples/iris/01-model.yaml')]);
    await place.kubectl(['wait', 'mver/iris-1', '--for=condition=Ready', '--timeout=90s']);
    await place.apply('iris', { scoring: undefined, models: [{ name: 'iris', modelVersion: 'iris-1' }] });
    await place.serves('iris');
    const starts: ColdStart[] = [];
    for (let i = 0; i < Number(values['cold-starts']); i++) {
      await eventually(60, 'at zero', async () =>
        (await place.scaling('iris')) === 'idle, at zero' ? true : undefined,
      );
      await sleep(7000); // the last pod has ended, too
      starts.push(await coldStart(place, 'iris', '{"data": [[5.1, 3.5, 1.4, 0.2]]}'));
      say(`cold start ${i + 1}: ${starts.at(-1)!.whole} ms`);
    }
    console.log(
      `## A cold start, part by part\n\nThe iris model (below 1 MiB), image present, ${starts.length} times. A part ends when the API server tells of it.\n\n| part | median ms | slowest ms |\n|---|---|---|`,
    );
    for (const part of [...PARTS, 'whole' as const])
      console.log(
        `| ${part} | ${percentile(
          starts.map((one) => one[part]),
          50,
        )} | ${Math.max(...starts.map((one) => one[part]))} |`,
      );
    const slowest = Math.max(...starts.map(({ whole }) => whole));
    console.log(
      `\n- cold start, slowest, ms: ${slowest} (≤ ${COLD_LIMIT_MS}) ${slowest <= COLD_LIMIT_MS ? 'kept' : 'NOT KEPT'}`,
    );
    if (all.ok !== all.sent || slowest > COLD_LIMIT_MS || all.wakes < Number(values.wakes)) process.exitCode = 1;
  } finally {
    await place.end();
  }
});
