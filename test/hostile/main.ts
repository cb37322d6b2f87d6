/** `npm run test:hostile [-- --count N --seed S]`: a million malformed requests against the scorer of this checkout. */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { rssMiB } from '../bench/figures.ts';
import { say } from '../cluster/say.ts';
import { ready, startScorer } from '../fixtures/scorer.ts';
import { attack } from './attack.ts';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } } });
const scorer = await startScorer({});
await ready(scorer);
const port = Number(new URL(scorer.url).port);
const rss = (): number => Math.round(rssMiB(scorer.process));
await attack(port, { count: 3000, seed: Number(values.seed) + 1 });
const before = rss();
const started = performance.now();
const { ends, problems, requests } = await attack(port, { count: Number(values.count), seed: Number(values.seed), progress: (sent) => say(`${sent} sent`) });
const seconds = (performance.now() - started) / 1000;
await sleep(2000);
console.log(`${requests} requests in ${seconds.toFixed(0)} s\n\n| end | times |\n|---|---|\n${Object.entries(ends).sort().map(([end, times]) => `| ${end} | ${times} |`).join('\n')}`);
console.log(`\nprocess ${scorer.process.exitCode === null ? 'lives' : 'is gone'}; RSS ${before} MiB before, ${rss()} MiB after`);
for (const problem of problems) console.log(problem);
scorer.process.kill('SIGKILL');
process.exit(problems.length === 0 ? 0 : 1);
