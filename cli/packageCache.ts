/** Where packages of scripts are kept on this machine, and what their installers say. */
import { isJsonObject, parsedJson } from '@penstock/contract';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256 } from '../operator/desired/hash.ts';
import type { Shell } from './config.ts';
import { UserError } from './manifests.ts';

const MOST_LOG_BYTES = 16 * 2 ** 20;

/**
 * The folder of packages that `key` describes. `install` fills a new folder, which gets its name when it is complete.
 * Another program may have installed the same packages meanwhile: then its folder is used.
 */
export async function cachedPackages(
  key: string,
  { XDG_CACHE_HOME }: Shell,
  install: (folder: string) => Promise<void>,
): Promise<string> {
  const cache = join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'penstock/packages');
  const cached = join(cache, sha256(key).slice(0, 16));
  if (existsSync(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(`${cached}-`);
  try {
    await install(work);
    renameSync(work, cached);
  } catch (error) {
    if (!existsSync(cached)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return cached;
}

/** Runs an installer. Rejects with UserError, which has the message that it logged last. */
export async function runInstaller(
  program: string,
  args: string[],
  options: { cwd?: string; env: Shell },
): Promise<void> {
  try {
    await promisify(execFile)(program, args, { maxBuffer: MOST_LOG_BYTES, ...options });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const problem = messageIn(stdout) ?? `the packages could not be installed:\n${stderr.trim()}`;
    const isWithoutUv = problem.endsWith('no program uv');
    throw new UserError(isWithoutUv ? 'uv is missing, which installs Python packages: pip install uv' : problem);
  }
}

/** The message of the last line of a log in JSON. */
function messageIn(log: string): string | undefined {
  const last = parsedJson(log.trim().split('\n').at(-1));
  return isJsonObject(last) && typeof last.message === 'string' ? last.message : undefined;
}
