/**
 * `npm run test:overload [-- --seconds 60]`: twice what a scorer can do, by a script whose service time is known: who
 * is answered, when, and who is told no.
 */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import http from 'node:http';
import { percentile } from '../bench/figures.ts';
import { paced } from '../bench/load.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';

const SERVICE_MS = 100;
const CONCURRENT = 8;
const QUEUE_WAIT_MS = 500;
/** The clock of two busy cores, and of a load generator on them. */
const TOLERANCE_MS = 150;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const capacity = (CONCURRENT * 1000) / SERVICE_MS;
const scorer = await startScorer({
  script: 'echo.ts',
  env: { PENSTOCK_MAX_CONCURRENT_REQUESTS: String(CONCURRENT), PENSTOCK_MAX_QUEUE_WAIT_MS: String(QUEUE_WAIT_MS) },
});
await ready(scorer);

const agent = new http.Agent({ keepAlive: true });
const times: Record<string, number[]> = {};
const open = new Set<Promise<void>>();
function send(): void {
  const started = performance.now();
  const one = new Promise<void>((resolve) => {
    const ended = (what: string): void => {
      (times[what] ??= []).push(performance.now() - started);
      open.delete(one);
      resolve();
    };
    http
      .request(`${scorer.url}/score`, { method: 'POST', agent }, (answer) =>
        answer
          .resume()
          .on('end', () =>
            ended(
              answer.statusCode === 429 && answer.headers['retry-after'] === undefined
                ? '429 without Retry-After'
                : String(answer.statusCode),
            ),
          ),
      )
      .on('error', ({ message }) => ended(message))
      .end(`wait${SERVICE_MS}`);
  });
  open.add(one);
}

const started = performance.now();
const sent = await paced(2 * capacity, Number(values.seconds), send);
await Promise.all(open);
const seconds = (performance.now() - started) / 1000;
await sleep(200);
const after = await fetch(`${scorer.url}/score`, { method: 'POST', body: 'after' }).then(
  ({ status }) => status,
  () => 0,
);

const limit = { 200: QUEUE_WAIT_MS + SERVICE_MS + TOLERANCE_MS, 429: QUEUE_WAIT_MS + TOLERANCE_MS };
console.log(
  `${sent} requests in ${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(0)} a second where ${capacity} can be done\n\n| answer | requests | p50 ms | p99 ms | longest ms | limit ms |\n|---|---|---|---|---|---|`,
);
let kept = after === 200 && scorer.process.exitCode === null;
for (const [what, all] of Object.entries(times)) {
  const longest = Math.max(...all);
  const most = what === '200' || what === '429' ? limit[what] : 0;
  kept &&= longest <= most;
  console.log(
    `| ${what} | ${all.length} | ${percentile(all, 50).toFixed(0)} | ${percentile(all, 99).toFixed(0)} | ${longest.toFixed(0)} | ${most} |`,
  );
}
const done = (times['200']?.length ?? 0) / seconds;
kept &&= done >= 0.9 * capacity;
console.log(
  `\ndone: ${done.toFixed(0)} a second (≥ ${0.9 * capacity}); the process ${scorer.process.exitCode === null ? 'lives' : 'is gone'}, a request afterwards gets ${after}; ${kept ? 'kept' : 'NOT kept'}`,
);
scorer.process.kill('SIGKILL');
process.exit(kept ? 0 : 1);
