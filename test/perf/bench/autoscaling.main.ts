/**
 * `npx tsx test/perf/bench/autoscaling.main.ts [--curves step,spike] [--out FOLDER]`, part of `npm run bench`: how pods
 * follow a step, a ramp, a square wave, a spike and ten steady minutes, on the real cluster with the autoscaler's
 * default period of 15 s, one after the other: 25 minutes. Writes an SVG for each, and prints a table.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { up } from '../../../hack/cluster/cluster.ts';
import { deploy } from '../../../hack/cluster/deploy.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { main, say } from '../../../hack/cluster/say.ts';
import { Sleepers, type Summary } from '../scale-to-zero/sleepers.ts';
import { chart } from './plot.ts';
import { judge, CURVES, SERVICE_MS, TARGET, type Course, type Second } from './autoscaling.ts';

const BUDGET = { firstPodS: 30, steadyS: 90 };
const script = `export async function init() {}\nexport async function run() { await new Promise((resolve) => setTimeout(resolve, ${SERVICE_MS})); return 1; }\n`;

/** Ready and wanted pods of a pipeline by second of this machine's clock, while `work` lasts. */
async function watched<T>(
  place: Sleepers,
  name: string,
  work: Promise<T>,
): Promise<{ result: T; seen: Map<number, { ready: number; desired: number }> }> {
  const seen = new Map<number, { ready: number; desired: number }>();
  let done = false;
  const sampling = (async () => {
    for (; !done; await sleep(700)) {
      const [ready, desired] = (
        await place
          .kubectl(['get', 'ipl', name, '-o', 'jsonpath={.status.replicas.ready} {.status.replicas.desired}'])
          .catch(() => '')
      ).split(' ');
      if (desired !== undefined)
        seen.set(Math.floor(Date.now() / 1000), { ready: Number(ready), desired: Number(desired) });
    }
  })();
  const result = await work.finally(() => (done = true));
  await sampling;
  return { result, seen };
}

/** Second by second; a second without a reading has the values of the one before. */
function course(
  seconds: (Second | null)[],
  startedAt: number,
  seen: Map<number, { ready: number; desired: number }>,
): Course {
  let last = { ready: 1, desired: 1 };
  return Array.from(seconds, (second, i) => {
    last = seen.get(Math.floor(startedAt / 1000) + i) ?? last;
    return { ...(second ?? { sent: 0, ok: 0 }), ...last };
  });
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, 'bench') },
      curves: { type: 'string', default: Object.keys(CURVES).join() },
    },
  });
  await up();
  const { scorer } = await deploy();
  const place = new Sleepers('bench-autoscaling');
  await place.begin(`penstock/scorer:${scorer}`);
  try {
    mkdirSync(values.out, { recursive: true });
    const rows: string[] = [];
    let kept = true;
    for (const [name, curve] of Object.entries(CURVES).filter(([one]) => values.curves.split(',').includes(one))) {
      await place.apply(name, {
        scoring: { script },
        scaling: { maxReplicas: 8, metrics: [{ type: 'Concurrency', averageValue: TARGET }] },
      });
      await place.serves(name);
      await sleep(15_000); // the autoscaler has looked once
      const { result, seen } = await watched(
        place,
        name,
        place.client<Summary & { seconds: (Second | null)[]; startedAt: number }>(
          'curve',
          `http://${name}/score`,
          'x',
          JSON.stringify(curve.points),
        ),
      );
      await place.kubectl(['delete', 'ipl', name]);
      const all = course(result.seconds, result.startedAt, seen);
      const found = judge(all, curve);
      const show = (value: number | undefined): string => (value === undefined ? '–' : String(value));
      const lost = result.sent - result.ok;
      rows.push(
        `| ${name}: ${curve.says} | ${show(found.firstPodS)} | ${show(found.steadyS)} | ${found.overshoot} | ${show(found.changes)} | ${lost} of ${result.sent}${lost > 0 ? ` ${JSON.stringify(result.failures)}` : ''} |`,
      );
      say(rows.at(-1)!);
      kept &&=
        (found.firstPodS ?? 0) <= BUDGET.firstPodS &&
        (found.steadyS ?? 0) <= BUDGET.steadyS &&
        (found.changes ?? 0) === 0;
      writeFileSync(
        join(values.out, `autoscaling-${name}.svg`),
        chart(
          `${name}: ${curve.says}`,
          [
            { name: 'requests a second', colour: '#9db8d9', values: all.map(({ sent }) => sent), side: 'left' },
            { name: 'pods that are ideal', colour: '#aaaaaa', values: found.ideal, side: 'right', stairs: true },
            {
              name: 'pods wanted',
              colour: '#e0a030',
              values: all.map(({ desired }) => desired),
              side: 'right',
              stairs: true,
            },
            {
              name: 'pods Ready',
              colour: '#2a7f3f',
              values: all.map(({ ready }) => ready),
              side: 'right',
              stairs: true,
            },
          ],
          { left: 'requests/s', right: 'pods' },
        ),
      );
    }
    console.log(
      [
        '',
        '| curve | first new pod Ready after, s | within ±1 of the ideal after, s | most pods over the ideal | changes of the wish while load was steady | not answered with 200 |',
        '|---|---|---|---|---|---|',
        ...rows,
      ].join('\n'),
    );
    console.log(
      `\n- first new pod Ready ≤ ${BUDGET.firstPodS} s, within ±1 of the ideal in ${BUDGET.steadyS} s, no change while load is steady: ${kept ? 'kept' : 'NOT KEPT'}`,
    );
    if (!kept) process.exitCode = 1;
  } finally {
    await place.end();
  }
});
