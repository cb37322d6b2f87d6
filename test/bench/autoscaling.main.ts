/**
 * `npx tsx test/bench/autoscaling.main.ts [--out FOLDER]`, part of `npm run bench`: how pods follow a step, a ramp, a square wave, a spike and ten steady minutes, on the
 * real cluster with the autoscaler's default period of 15 s. The curves run side by side. Writes an SVG for each, and prints a table.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { up } from '../cluster/cluster.ts';
import { deploy } from '../cluster/deploy.ts';
import { root } from '../cluster/paths.ts';
import { main, say } from '../cluster/say.ts';
import { Sleepers, type Summary } from '../zero/sleepers.ts';
import { chart } from './plot.ts';
import { judge, CURVES, SERVICE_MS, TARGET, type Course, type Second } from './autoscaling.ts';

const BUDGET = { firstPodS: 30, steadyS: 90, within: 1 };
const script = `export async function init() {}\nexport async function run() { await new Promise((resolve) => setTimeout(resolve, ${SERVICE_MS})); return 1; }\n`;

/** Ready and wanted pods of each pipeline, once a second, by the clock of this machine. */
async function sample(place: Sleepers, into: Map<string, Map<number, { ready: number; desired: number }>>, done: () => boolean): Promise<void> {
  while (!done()) {
    const text = await place.kubectl(['get', 'ipl', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.status.replicas.ready} {.status.replicas.desired}{"\\n"}{end}']).catch(() => '');
    for (const line of text.split('\n').filter(Boolean)) {
      const [name = '', ready, desired] = line.split(' ');
      const seen = into.get(name) ?? new Map<number, { ready: number; desired: number }>();
      into.set(name, seen.set(Math.floor(Date.now() / 1000), { ready: Number(ready), desired: Number(desired) }));
    }
    await sleep(700);
  }
}

function course(seconds: Second[], startedAt: number, seen: Map<number, { ready: number; desired: number }>): Course {
  let last = { ready: 1, desired: 1 };
  return seconds.map((second, i) => {
    last = seen.get(Math.floor(startedAt / 1000) + i) ?? last;
    return { ...second, ...last };
  });
}

await main(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'docs/results') } } });
  await up();
  const { scorer } = await deploy();
  const place = new Sleepers('bench-autoscaling');
  await place.begin(`penstock/scorer:${scorer}`);
  try {
    for (const name of Object.keys(CURVES)) await place.apply(name, { scoring: { script }, scaling: { maxReplicas: 8, metrics: [{ type: 'Concurrency', averageValue: TARGET }] } });
    for (const name of Object.keys(CURVES)) await place.serves(name);
    await sleep(20_000); // the autoscalers have looked once
    say(`running: ${Object.keys(CURVES).join(', ')}`);
    const seen = new Map<string, Map<number, { ready: number; desired: number }>>();
    let done = false;
    const sampling = sample(place, seen, () => done);
    const runs = await Promise.all(Object.entries(CURVES).map(async ([name, { points }]) => {
      const run = await place.client<Summary & { seconds: Second[]; startedAt: number }>('curve', `http://${name}/score`, 'x', JSON.stringify(points));
      say(`${name}: ${run.sent} requests, ${run.sent - run.ok} not answered with 200`);
      return { name, ...run };
    }));
    done = true;
    await sampling;
    mkdirSync(values.out, { recursive: true });
    console.log('\n| curve | first new pod Ready after, s | within ±1 of the ideal after, s | most pods over the ideal | changes of the wish while load was steady | not answered with 200 |\n|---|---|---|---|---|---|');
    let kept = true;
    for (const { name, seconds, startedAt, sent, ok, failures } of runs) {
      const curve = CURVES[name]!;
      const all = course(Array.from(seconds, (second) => (second as Second | null) ?? { sent: 0, ok: 0, ms: 0 }), startedAt, seen.get(name) ?? new Map<number, { ready: number; desired: number }>());
      const found = judge(all, curve);
      const show = (value: number | undefined): string => (value === undefined ? '–' : String(value));
      console.log(`| ${name} | ${show(found.firstPodS)} | ${show(found.steadyS)} | ${found.overshoot} | ${found.changes ?? '–'} | ${sent - ok} of ${sent} ${ok === sent ? '' : JSON.stringify(failures)} |`);
      kept &&= (found.firstPodS ?? 0) <= BUDGET.firstPodS && (found.steadyS ?? 0) <= BUDGET.steadyS && (found.changes ?? 0) === 0;
      writeFileSync(join(values.out, `autoscaling-${name}.svg`), chart(`${name}: ${curve.says}`, [
        { name: 'requests a second', colour: '#9db8d9', values: all.map((second) => second.sent), side: 'left' },
        { name: 'pods that are ideal', colour: '#aaaaaa', values: found.ideal, side: 'right', stairs: true },
        { name: 'pods wanted', colour: '#e0a030', values: all.map(({ desired }) => desired), side: 'right', stairs: true },
        { name: 'pods Ready', colour: '#2a7f3f', values: all.map(({ ready }) => ready), side: 'right', stairs: true },
      ], { left: 'requests/s', right: 'pods' }));
    }
    console.log(`\n- first new pod Ready ≤ ${BUDGET.firstPodS} s, within ±${BUDGET.within} of the ideal in ${BUDGET.steadyS} s, no change while load is steady: ${kept ? 'kept' : 'NOT KEPT'}`);
    if (!kept) process.exitCode = 1;
  } finally {
    await place.end();
  }
});
