/**
 * The scorer beside the scorer of another checkout, in turns, in one run: `npx tsx test/perf/bench/pairs.main.ts FOLDER
 * [tiny|medium]`, a checkout that is built. A change of the hot path should cost no more than 5 % of CPU time a
 * request.
 */
import { join } from 'node:path';
import { perceptron } from '../../support/fixtures/onnx.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';
import { inTurns, overHttp, type Server } from './inTurns.ts';
import { post } from './load.ts';

const root = join(import.meta.dirname, '../../..');
const subjects = [
  { name: 'tiny', bytes: perceptron([4, 3]), shape: [1, 4] },
  { name: 'medium', bytes: perceptron([256, 1024, 1024, 10]), shape: [1, 256] },
];
const builds = { before: process.argv[2]!, now: root };

for (const { name, bytes, shape } of subjects.filter(
  ({ name }) => process.argv[3] === undefined || process.argv[3] === name,
)) {
  const values = Array.from({ length: shape[1]! }, (_, i) => Number((Math.sin(i) * 5).toFixed(4)));
  const head = JSON.stringify({
    inputs: [{ name: 'x', shape, datatype: 'FP32', parameters: { binary_data_size: values.length * 4 } }],
    parameters: { binary_data_output: true },
  });
  const requests = {
    '/score': post('/score', JSON.stringify({ data: [values] })),
    'V2 binary': post(
      `/v2/models/${name}/infer`,
      Buffer.concat([Buffer.from(head), new Uint8Array(Float32Array.from(values).buffer)]),
      { 'inference-header-content-length': String(head.length) },
    ),
  };
  const servers: Server[] = [];
  for (const [what, request] of Object.entries(requests)) {
    for (const [when, folder] of Object.entries(builds)) {
      const scorer = await startScorer({
        model: { name, bytes },
        main: join(folder, 'scorer-image/dist/main.mjs'),
        env: {
          PENSTOCK_MAX_CONCURRENT_REQUESTS: '256',
          PENSTOCK_MAX_BATCH_SIZE: '64',
          PENSTOCK_MAX_QUEUE_WAIT_MS: '20000',
          PENSTOCK_REQUEST_TIMEOUT_MS: '20000',
        },
      });
      await ready(scorer);
      servers.push({
        what: `${what} ${when}`,
        process: scorer.process,
        ask: overHttp(Number(new URL(scorer.url).port), request),
      });
    }
  }
  for (const { ask } of servers) await ask(16, 8);
  console.log(
    `\n${name}\n| c | request | requests/s, now of before | CPU per request, now of before |\n|---|---|---|---|`,
  );
  for (const connections of [1, 16, 64]) {
    const measured = await inTurns(servers, connections, 0.3);
    for (let i = 0; i < measured.length; i += 2)
      console.log(
        `| ${connections} | ${Object.keys(requests)[i / 2]} | ${(measured[i + 1]!.perSecond / measured[i]!.perSecond).toFixed(3)} | ${(measured[i + 1]!.cpuMicros / measured[i]!.cpuMicros).toFixed(3)} |`,
      );
  }
  for (const { process: child } of servers) child.kill('SIGKILL');
}
process.exit();
