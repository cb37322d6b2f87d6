/** `npm test`: every stage in turn, stopping at the first that fails; closes with `N passed, N failed`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stages = ['verify', 'lint', 'build', 'test:unit', 'test:integration', 'test:e2e'];
const counts = join(mkdtempSync(join(tmpdir(), 'penstock-test-')), 'counts');
let passed = 0;
let failed = 0;

for (const stage of stages) {
  const started = Date.now();
  console.log(`\n=== ${stage}`);
  const { status } = spawnSync('npm', ['run', '--silent', stage], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PENSTOCK_COUNTS: counts } });
  console.log(`=== ${stage}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  if (!stage.startsWith('test:')) passed += status === 0 ? 1 : 0;
  if (status !== 0) {
    failed += 1;
    break;
  }
}
for (const line of existsSync(counts) ? readFileSync(counts, 'utf8').trim().split('\n') : []) {
  const stage = JSON.parse(line) as { passes: number; failures: number };
  passed += stage.passes;
  failed += stage.failures;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
