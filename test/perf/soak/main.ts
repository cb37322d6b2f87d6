/**
 * `npm run test:soak [-- --minutes 60 --rate 150]`: all a scorer meets on a long day, and whether its memory and
 * handles stay flat.
 */
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cpuSeconds, rssMiB } from '../bench/figures.ts';
import { paced } from '../bench/load.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';
import { attack } from '../../property/fuzz/attack.ts';

/** More than this from the second quarter to the last is a leak. */
const MIB = 8;
const HANDLES = 10;
const HOSTILE_A_MINUTE = 200;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '150' } },
});
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
if (!(minutes >= 4)) throw new Error('a soak has four quarters: at least 4 minutes');
// a shared machine stalls now and then
const scorer = await startScorer({ env: { PENSTOCK_MAX_QUEUE_WAIT_MS: '1900' } });
await ready(scorer);

const { data } = JSON.parse(readFileSync(join(root, 'examples/iris/training/answers.json'), 'utf8')) as {
  data: number[][];
};
const floats = Buffer.from(Float32Array.from(data.flat()).buffer);
const head = JSON.stringify({
  inputs: [{ name: 'X', shape: [data.length, 4], datatype: 'FP32', parameters: { binary_data_size: floats.length } }],
  parameters: { binary_data_output: true },
});
/** Paths, bodies, and what they are answered with. */
const requests: [string, string | Buffer, Record<string, string>, number][] = [
  ['/score', JSON.stringify({ data: data.slice(0, 1) }), {}, 200],
  ['/score', JSON.stringify({ data }), {}, 200],
  ['/invocations', JSON.stringify({ instances: data.slice(0, 8) }), {}, 200],
  [
    '/v2/models/iris/infer',
    Buffer.concat([Buffer.from(head), floats]),
    { 'inference-header-content-length': String(head.length) },
    200,
  ],
  ['/score', '{"data":[[1,2]]}', {}, 400],
  ['/v2/models/rose/infer', '{}', {}, 404],
];
const agents = [new http.Agent({ keepAlive: true }), new http.Agent({ keepAlive: false })];
const wrong: Record<string, number> = {};
let sent = 0;

function send(): void {
  const [path, body, headers, status] = requests[sent % requests.length]!;
  // a client that does not wait; node:http would give its unused connection to the next one, for longer than a server
  // keeps it
  const gone = sent % 97 === 0;
  sent += 1;
  const request = http.request(
    scorer.url + path,
    { method: 'POST', headers, agent: agents[gone || sent % 7 === 0 ? 1 : 0]!, timeout: 10_000 },
    (answer) => {
      if (answer.statusCode !== status)
        wrong[`${path} ${answer.statusCode}`] = (wrong[`${path} ${answer.statusCode}`] ?? 0) + 1;
      answer.resume();
    },
  );
  request
    .on('timeout', () => request.destroy(new Error('no answer in ten seconds')))
    .on('error', ({ message }) => gone || (wrong[message] = (wrong[message] ?? 0) + 1))
    .end(body);
  if (gone) setTimeout(() => request.destroy(), 1);
}

interface Sample {
  rss: number;
  handles: number;
  cpu: number;
}
const sample = (): Sample => ({
  rss: rssMiB(scorer.process),
  handles: readdirSync(`/proc/${scorer.process.pid}/fd`).length,
  cpu: cpuSeconds(scorer.process),
});
const samples: Sample[] = [];
console.log(
  `${minutes} minutes at ${rate} requests a second, ${HOSTILE_A_MINUTE} malformed ones a minute\n\n| minute | requests | RSS MiB | handles | CPU s |\n|---|---|---|---|---|`,
);
for (let minute = 1; minute <= minutes; minute++) {
  const started = Date.now();
  await paced(rate, 57, send);
  const { problems } = await attack(Number(new URL(scorer.url).port), { count: HOSTILE_A_MINUTE, seed: minute });
  for (const problem of problems) wrong[problem] = 1;
  await sleep(Math.max(0, started + 60_000 - Date.now()));
  samples.push(sample());
  const { rss, handles, cpu } = samples.at(-1)!;
  console.log(`| ${minute} | ${sent} | ${rss.toFixed(1)} | ${handles} | ${cpu.toFixed(0)} |`);
}
const quarter = Math.floor(samples.length / 4);
const mean = (part: readonly Sample[], figure: (one: Sample) => number): number =>
  part.reduce((sum, one) => sum + figure(one), 0) / part.length;
const grown = (figure: (one: Sample) => number): number =>
  mean(samples.slice(-quarter), figure) - mean(samples.slice(quarter, 2 * quarter), figure);
const [memory, handles] = [grown(({ rss }) => rss), grown((one) => one.handles)];
const flat = memory <= MIB && handles <= HANDLES && Object.keys(wrong).length === 0 && scorer.process.exitCode === null;
console.log(
  `\nfrom the second quarter to the last: ${memory.toFixed(1)} MiB (≤ ${MIB}), ${handles.toFixed(1)} handles (≤ ${HANDLES}); answers that were not as they should be: ${JSON.stringify(wrong)}; ${flat ? 'flat' : 'NOT flat'}`,
);
scorer.process.kill('SIGKILL');
process.exit(flat ? 0 : 1);
