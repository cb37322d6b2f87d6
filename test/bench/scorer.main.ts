/** The scorer beside its limits, in one run: a bare node:http echo, and session.run in a loop. Part of `npm run bench`; alone: `npx tsx test/bench/scorer.main.ts`. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../cluster/ports.ts';
import { perceptron } from '../fixtures/onnx.ts';
import { ready, startScorer } from '../fixtures/scorer.ts';
import { cpuSeconds, rssMiB } from './figures.ts';
import { load, post, type LoadResult } from './load.ts';

const SECONDS = Number(process.env.SECONDS ?? 4);
const CONNECTIONS = [1, 16, 64, 256];
const here = import.meta.dirname;

interface Measured extends LoadResult { cpuMicros: number; rssMiB: number }

async function measure(process: ChildProcess, port: number, request: Buffer, connections: number): Promise<Measured> {
  await load({ port, request, connections, seconds: 1 }); // warm
  const before = cpuSeconds(process);
  const result = await load({ port, request, connections, seconds: SECONDS });
  const count = Object.values(result.statuses).reduce((sum, n) => sum + n, 0);
  if (Object.keys(result.statuses).join() !== '200') throw new Error(`answers other than 200: ${JSON.stringify(result.statuses)}`);
  return { ...result, cpuMicros: ((cpuSeconds(process) - before) / count) * 1e6, rssMiB: Math.round(rssMiB(process)) };
}

/** DESIGN §10 beside what was measured. */
function budgets(model: string, raw: { one: number; joined: number }, measured: Map<string, Measured>): string {
  const [echo, ours] = [(c: number) => measured.get(`${c} node:http echo`)!, (c: number) => measured.get(`${c} penstock /score`)!];
  const line = (what: string, value: number, kept: boolean, limit: string): string => `- ${what}: ${value.toFixed(2)} (${limit}) ${kept ? 'kept' : 'NOT kept'}`;
  const cpu = (c: number): string => line(`CPU per request, c=${c}, of the echo`, ours(c).cpuMicros / echo(c).cpuMicros, ours(c).cpuMicros <= 2 * echo(c).cpuMicros, '≤ 2');
  const added = ours(1).p50 - echo(1).p50 - 1000 / raw.one;
  const speed = model === 'tiny' ? line('c=64, of the echo', ours(64).perSecond / echo(64).perSecond, ours(64).perSecond >= 0.9 * echo(64).perSecond, '≥ 0.9') : line('c=64, of session.run with batches', ours(64).perSecond / raw.joined, ours(64).perSecond >= 0.8 * raw.joined, '≥ 0.8');
  return [speed, ...(model === 'tiny' ? [cpu(16), cpu(64)] : []), line('added at c=1 over echo and session.run, ms', added, added <= 0.3, '≤ 0.3')].join('\n');
}

const models = { tiny: { sizes: [4, 3] }, medium: { sizes: [256, 1024, 1024, 10] } };
for (const [name, { sizes }] of Object.entries(models)) {
  const columns = sizes[0]!;
  const bytes = perceptron(sizes);
  const file = join(tmpdir(), `penstock-bench-${name}.onnx`);
  writeFileSync(file, bytes);
  const raw = (rows: number): number => Number(execFileSync(process.execPath, [join(here, 'raw.mjs'), file, String(columns), String(rows), '3'], { encoding: 'utf8' }));
  const [one, joined] = [raw(1), raw(32)];
  const row = Array.from({ length: columns }, (_, i) => Number((Math.sin(i) * 5).toFixed(4)));
  const azure = post('/score', JSON.stringify({ data: [row] }));
  const v2Head = JSON.stringify({ inputs: [{ name: 'x', shape: [1, columns], datatype: 'FP32', parameters: { binary_data_size: columns * 4 } }], parameters: { binary_data_output: true } });
  const v2 = post(`/v2/models/${name}/infer`, Buffer.concat([Buffer.from(v2Head), new Uint8Array(Float32Array.from(row).buffer)]), { 'inference-header-content-length': String(v2Head.length) });

  const port = await freePort();
  const echo = spawn(process.execPath, [join(here, 'echo.mjs'), String(port)]);
  await sleep(500);
  const start = (maxBatchSize: number) => startScorer({ model: { name, bytes }, env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: '256', PENSTOCK_MAX_BATCH_SIZE: String(maxBatchSize), PENSTOCK_MAX_QUEUE_WAIT_MS: '20000', PENSTOCK_REQUEST_TIMEOUT_MS: '20000' } });
  const [scorer, single] = [await start(64), await start(1)];
  await Promise.all([ready(scorer), ready(single)]);
  console.log(`\n${name} (${sizes.join('-')}), one row a request; session.run alone: ${one.toFixed(0)} rows/s one by one, ${joined.toFixed(0)} in 32s\n`);
  console.log('| c | server | req/s | of the echo | p50 ms | p99 ms | CPU µs/req | of the echo | RSS MiB |\n|---|---|---|---|---|---|---|---|---|');
  const measured = new Map<string, Measured>();
  for (const connections of CONNECTIONS) {
    const limit = await measure(echo, port, azure, connections);
    const rows: [string, Measured][] = [
      ['node:http echo', limit],
      ['penstock /score', await measure(scorer.process, Number(new URL(scorer.url).port), azure, connections)],
      ['penstock V2 binary', await measure(scorer.process, Number(new URL(scorer.url).port), v2, connections)],
      ['penstock /score, batching off', await measure(single.process, Number(new URL(single.url).port), azure, connections)],
    ];
    for (const [what, m] of rows) measured.set(`${connections} ${what}`, m);
    for (const [what, m] of rows) console.log(`| ${connections} | ${what} | ${m.perSecond.toFixed(0)} | ${(m.perSecond / limit.perSecond).toFixed(2)} | ${m.p50.toFixed(2)} | ${m.p99.toFixed(2)} | ${m.cpuMicros.toFixed(0)} | ${(m.cpuMicros / limit.cpuMicros).toFixed(1)} | ${m.rssMiB} |`);
  }
  for (const child of [echo, scorer.process, single.process]) child.kill('SIGKILL');
  console.log(`\n${budgets(name, { one, joined }, measured)}`);
}
process.exit();
