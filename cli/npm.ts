/** npm packages of a script on this machine, installed by the scorer as in a pod. */
import { ENV, LOCAL_ENV } from '@penstock/contract';
import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Shell } from './config.ts';
import { UserError } from './manifests.ts';
import { cachedPackages, runInstaller } from './packageCache.ts';

const run = promisify(execFile);

/** Puts the packages of the lock where the script finds them: beside its folder. Throws UserError. */
export async function linkNpmPackages(
  lock: string,
  { scorer, home, shell, say }: { scorer: string; home: string; shell: Shell; say: (line: string) => void },
): Promise<void> {
  const cached = await cachedPackages(`npm ${lock}`, shell, (folder) => {
    say('installing the packages of environment.packages.npm');
    return install(lock, folder, { scorer, shell });
  });
  symlinkSync(join(cached, 'node_modules'), join(home, 'node_modules'));
}

async function install(
  lock: string,
  folder: string,
  { scorer, shell }: { scorer: string; shell: Shell },
): Promise<void> {
  const file = join(folder, 'package-lock.json');
  writeFileSync(file, lock);
  const env = {
    ...shell,
    [ENV.registryUrl]: await registry(),
    [LOCAL_ENV.packageLock]: file,
    [LOCAL_ENV.nodeModules]: join(folder, 'node_modules'),
    [LOCAL_ENV.credentials]: join(folder, 'none'),
  };
  await runInstaller(process.execPath, [scorer, 'install'], { env });
}

/** The registry that npm uses on this machine. */
async function registry(): Promise<string> {
  const found = await run('npm', ['config', 'get', 'registry']).catch(() => undefined);
  if (!found) throw new UserError('npm is missing, whose setting says from which registry packages come');
  return found.stdout.trim();
}
