/** The command `install`, which installs the npm packages of a script. Only its container mounts credentials. */
import { readFile } from 'node:fs/promises';
import type { InstallConfig } from './config.ts';
import { isWithoutSecret, readCredentials } from './fetch/credentials.ts';
import { installNpmPackages } from './install/npmPackages.ts';
import { logger } from './logger.ts';

export async function install(config: InstallConfig): Promise<void> {
  const began = performance.now();
  const { authorization } = isWithoutSecret(config.credentials)
    ? {}
    : readCredentials(config.credentials, 'npm.registrySecret');
  const lock = await readFile(config.lock, 'utf8');
  const { packages, withScripts, missing } = await installNpmPackages(lock, { ...config, authorization });
  if (withScripts.length > 0)
    logger.warn('install scripts of packages are not run; a package that needs its script fails when it is imported', {
      packages: withScripts,
    });
  if (missing.length > 0) logger.warn('the lock has no entry for these optional packages', { packages: missing });
  logger.info('installed the packages', { packages, seconds: Math.round(performance.now() - began) / 1000 });
}
