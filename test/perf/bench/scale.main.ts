/**
 * The second half of `npm run bench`; alone: `npx tsx test/perf/bench/scale.main.ts [COUNT …]`. Bursts of 100, 1,000
 * and 3,000 pipelines, beside the budgets of 1,000.
 */
import { scale, type ScaleReport } from './scale.ts';

const counts = process.argv.slice(2).map(Number);
const reports: ScaleReport[] = [];
for (const count of counts.length > 0 ? counts : [100, 1000, 3000]) reports.push(await scale(count));

const rows: [string, (report: ScaleReport) => string, string][] = [
  ['all children there, s', ({ burstSeconds }) => burstSeconds.toFixed(1), '≤ 30'],
  ['(creating the pipelines took, s)', ({ createSeconds }) => createSeconds.toFixed(1), ''],
  ['the same writes by a bare loop, s', ({ bareSeconds }) => bareSeconds.toFixed(1), ''],
  ['burst, of the bare loop', ({ burstSeconds, bareSeconds }) => (burstSeconds / bareSeconds).toFixed(2), ''],
  ['CPU of the operator, s', ({ cpuSeconds }) => cpuSeconds.toFixed(1), '≤ 20'],
  ['peak RSS of the operator, MiB', ({ peakMiB }) => String(peakMiB), '≤ 160'],
  [
    'writes per pipeline',
    ({ writes }) =>
      Object.entries(writes)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', '),
    'one a child, one status, one usedBy a model',
  ],
  ['writes after a restart', ({ restartWrites }) => String(restartWrites), '0'],
  ['restart until it leads, s', ({ restartSeconds }) => restartSeconds.toFixed(1), ''],
  ['created → Deployment seen, p50, ms', ({ latencyMs }) => latencyMs.p50.toFixed(0), '≤ 40'],
  ['… p99, ms', ({ latencyMs }) => latencyMs.p99.toFixed(0), '≤ 70, or ≤ 1.5 of the bare loop’s (ADR 15)'],
  [
    '(the same children by a bare loop, in turns: p50 and p99, ms)',
    ({ latencyMs: { bare } }) => `${bare.p50.toFixed(0)}, ${bare.p99.toFixed(0)}`,
    '',
  ],
  ['a child deleted, edited or stripped → healed, p50, ms', ({ healingMs }) => healingMs.p50.toFixed(0), ''],
  ['… longest, ms', ({ healingMs }) => healingMs.longest.toFixed(0), '≤ 5000'],
];
console.log(
  `\n| pipelines (each with two ModelVersions) | ${reports.map(({ pipelines }) => pipelines).join(' | ')} | budget at 1,000 |`,
);
console.log(`|---|${reports.map(() => '---').join('|')}|---|`);
for (const [what, of, budget] of rows) console.log(`| ${what} | ${reports.map(of).join(' | ')} | ${budget} |`);
const thousand = reports.find(({ pipelines }) => pipelines === 1000);
if (thousand) {
  const kept =
    thousand.burstSeconds <= 30 &&
    thousand.cpuSeconds <= 20 &&
    thousand.peakMiB <= 160 &&
    thousand.restartWrites === 0 &&
    thousand.latencyMs.p50 <= 40 &&
    thousand.latencyMs.p99 <= Math.max(70, 1.5 * thousand.latencyMs.bare.p99) &&
    thousand.healingMs.longest <= 5000;
  console.log(`\nbudgets at 1,000: ${kept ? 'kept' : 'NOT kept'}`);
}
process.exit();
