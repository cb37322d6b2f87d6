/**
 * `npm run test:hostile [-- --count N --seed S]`: a million malformed requests and some thousand large ones against the
 * scorer of this checkout, then the hostile tests of `npm test` in their long form.
 */
import { execa } from 'execa';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { rssMiB } from '../../perf/bench/figures.ts';
import { say } from '../../../hack/cluster/say.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';
import { attack } from './attack.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const scorer = await startScorer({});
await ready(scorer);
const port = Number(new URL(scorer.url).port);
const rss = (): number => Math.round(rssMiB(scorer.process));
await attack(port, { count: 3000, seed: Number(values.seed) + 1 });
const before = rss();
const started = performance.now();
const { ends, problems, requests } = await attack(port, {
  count: Number(values.count),
  seed: Number(values.seed),
  progress: (sent) => say(`${sent} sent`),
});
const seconds = (performance.now() - started) / 1000;
await sleep(2000);
console.log(
  `${requests} requests in ${seconds.toFixed(0)} s\n\n| end | times |\n|---|---|\n${Object.entries(ends)
    .sort()
    .map(([end, times]) => `| ${end} | ${times} |`)
    .join('\n')}`,
);
console.log(
  `\nprocess ${scorer.process.exitCode === null ? 'lives' : 'is gone'}; RSS ${before} MiB before, ${rss()} MiB after`,
);
for (const problem of problems) console.log(problem);
scorer.process.kill('SIGKILL');
say('the hostile tests in their long form: some 45 minutes');
const LONG = {
  HOSTILE_ANSWERS: '10000',
  HOSTILE_FORMS: '10000',
  HOSTILE_SMALL: '10000',
  HOSTILE_LARGE: '1000',
  HOSTILE_CONNECTIONS: '20000',
  HOSTILE_OBJECTS: 'all',
};
const tests = await execa('npx', ['mocha', 'test/{component,integration}/hostile/*.test.ts'], {
  env: LONG,
  stdio: 'inherit',
  reject: false,
});
process.exit(problems.length === 0 ? tests.exitCode : 1);
