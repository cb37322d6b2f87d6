/**
 * `npm test`: every stage; closes with `N passed, N failed`. Two cores are busy all the time: the cluster comes up beside
 * the stages that need none, and the integration files, which only want processor time, run beside the tests of the
 * release, which mostly wait.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const counts = mkdtempSync(join(tmpdir(), 'penstock-test-'));
let passed = 0;
let failed = 0;

/** Runs one of package.json's scripts, and counts its tests, or itself. `nice` makes it give way to what runs beside it; what it says is then shown when it has ended. */
async function stage(script: string, { nice = 0 } = {}): Promise<boolean> {
  const started = Date.now();
  const file = join(counts, script.replace(':', '-'));
  console.log(`\n=== ${script}${nice ? ' (beside what follows)' : ''}`);
  const [command, ...args] = [
    ...(nice ? ['nice', '-n', String(nice)] : []),
    'npm',
    'run',
    '--silent',
    ...script.split(' '),
  ] as [string, ...string[]];
  const output = nice ? 'pipe' : 'inherit';
  const child = spawn(command, args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, PENSTOCK_COUNTS: file },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (nice) console.log(`\n=== what ${script} said:\n${said}`);
  console.log(`=== ${script}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  const tests = existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { passes: number; failures: number })
    : [];
  const failures = tests.reduce((sum, one) => sum + one.failures, 0);
  passed += tests.length > 0 ? tests.reduce((sum, one) => sum + one.passes, 0) : Number(status === 0);
  failed += status === 0 ? 0 : Math.max(failures, 1);
  return status === 0;
}

/** In turn, until one fails. */
async function inTurn(...scripts: string[]): Promise<boolean> {
  for (const script of scripts) if (!(await stage(script))) return false;
  return true;
}

const cluster = stage('cluster up');
const sound = await inTurn('verify', 'lint', 'build', 'test:unit');
if ((await cluster) && sound && (await stage('test:stories'))) {
  const integration = stage('test:integration', { nice: 5 });
  await stage('test:release');
  await integration;
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
