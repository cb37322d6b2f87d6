/** Python on this machine: the program that runs a script, and its packages, installed as a pod installs them. */
import { ENV, LOCAL_ENV, PYTHON_MODULE } from '@penstock/contract';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Shell } from './config.ts';
import { UserError } from './manifests.ts';
import { cachedPackages, runInstaller } from './packageCache.ts';

const run = promisify(execFile);

/** Settings of the scorer for a script in Python. Throws UserError where Python, uv or a package is missing. */
export async function pythonSettings(
  { requirements }: { requirements?: string | undefined },
  { scorer, home, shell, say }: { scorer: string; home: string; shell: Shell; say: (line: string) => void },
): Promise<Record<string, string>> {
  const program = 'python3';
  const version = await versionOf(program);
  const settings = { [LOCAL_ENV.python]: program, [LOCAL_ENV.pythonSocket]: join(home, 'python.sock') };
  if (requirements === undefined) return settings;
  const cached = await cachedPackages(`${version}\n${requirements}`, shell, async (folder) => {
    say('installing the packages of environment.packages.python');
    writeFileSync(join(folder, 'requirements.txt'), requirements);
    const paths = ['requirements.txt', 'packages', 'none'].map((name) => join(folder, name));
    const cwd = join(dirname(scorer), 'python');
    await runInstaller(program, ['-m', PYTHON_MODULE.install, ...paths], { cwd, env: shell });
  });
  return { ...settings, [ENV.packages]: join(cached, 'packages') };
}

async function versionOf(program: string): Promise<string> {
  const found = await run(program, ['--version']).catch(() => undefined);
  if (!found) throw new UserError(`${program} is missing: a script in Python needs Python 3.8 or newer`);
  return found.stdout.trim();
}
