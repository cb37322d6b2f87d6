/** Installs npm packages from a registry, as a package-lock.json says. No code of a package runs. */
import { FAILURE, WITHOUT_SCRIPTS_FILE } from '@penstock/contract';
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { interceptors, request, type Dispatcher } from 'undici';
import type { InstallConfig } from '../config.ts';
import { StartFailure } from '../failure.ts';
import { agentOf } from '../fetch/sources/agent.ts';
import { neededPackages, type LockedPackage } from './packageLock.ts';
import { unpack, type DiskBudget } from './tarball.ts';

const LANES = 8;
const MAX_ATTEMPTS = 4;
const MAX_REDIRECTS = 5;
const MAX_TARBALL_BYTES = 300 * 2 ** 20;

export interface Installed {
  packages: number;
  withScripts: string[];
  missing: string[];
}

/** Rejects with StartFailure. `lock` is the text of a package-lock.json. */
export async function installNpmPackages(lock: string, config: InstallConfig): Promise<Installed> {
  const platform = { os: 'linux', cpu: process.arch, libc: 'glibc' };
  const { packages, withScripts, missing } = neededPackages(lock, platform);
  const { folder, maxBytes, egress } = config;
  await mkdir(folder, { recursive: true });
  // of an attempt before this one
  for (const old of await readdir(folder)) await rm(join(folder, old), { recursive: true });
  const disk = diskBudget(maxBytes);
  // The registry is the choice of the chart, so it may have any address.
  const agent = agentOf(egress, { addresses: { loopback: true, privateNetwork: true } });
  // to a store of the registry; undici sends credentials to the first origin only
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: MAX_REDIRECTS }));
  const waiting = [...packages];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const path = join(folder, next.path.slice('node_modules/'.length));
      await unpack(await download(next, config, dispatcher), path, next.name, disk);
    }
  };
  const results = await Promise.allSettled(
    Array.from({ length: LANES }, () =>
      lane().catch((error: unknown) => {
        waiting.length = 0; // the other lanes need not go on
        throw error;
      }),
    ),
  );
  await agent.close();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  if (withScripts.length > 0) await writeFile(join(folder, WITHOUT_SCRIPTS_FILE), withScripts.join(', '));
  return { packages: packages.length, withScripts, missing };
}

function diskBudget(maxBytes: number): DiskBudget {
  let taken = 0;
  return {
    take: (bytes) => {
      taken += bytes;
      if (taken <= maxBytes) return;
      throw new StartFailure(
        FAILURE.environmentTooLarge,
        `the packages have more than ${Math.floor(maxBytes / 2 ** 20)} MiB: raise packages.maxSize of the chart`,
      );
    },
  };
}

/** The tarball, whose hash is that of the lock. */
async function download(one: LockedPackage, config: InstallConfig, dispatcher: Dispatcher): Promise<Buffer> {
  const url = `${config.registryUrl.replace(/\/$/, '')}/${one.name}/-/${one.name.split('/').at(-1)}-${one.version}.tgz`;
  let problem = '';
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(250 * 2 ** attempt);
    const answer = await get(url, config.authorization, dispatcher).catch(problemOf);
    if (Buffer.isBuffer(answer)) return verified(answer, one);
    if (answer === 404)
      throw new StartFailure(FAILURE.packageNotFound, `the registry has no ${one.name} ${one.version}`);
    problem = typeof answer === 'number' ? `it answered ${answer}` : answer;
    if (typeof answer === 'number' && answer < 500 && answer !== 429) break;
  }
  throw new StartFailure(
    FAILURE.packageIndex,
    `the npm registry does not give ${one.name} ${one.version}: ${problem}; see npm.registryUrl and npm.registrySecret of the chart`,
  );
}

/** Why a connection failed. Throws a failure that another attempt would meet again. */
function problemOf(error: unknown): string {
  if (error instanceof StartFailure) throw error;
  const { message, code } = error as NodeJS.ErrnoException;
  return message || (code ?? String(error));
}

/** The bytes, or another status than 200. */
async function get(url: string, authorization: string | undefined, dispatcher: Dispatcher): Promise<Buffer | number> {
  const { statusCode, body } = await request(url, {
    dispatcher,
    headers: { 'user-agent': 'penstock-scorer', ...(authorization !== undefined && { authorization }) },
  });
  if (statusCode !== 200) {
    await body.dump();
    return statusCode;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_TARBALL_BYTES)
      throw new StartFailure(
        FAILURE.environmentTooLarge,
        `${url} has more than ${MAX_TARBALL_BYTES / 2 ** 20} MiB, the most that a package may have`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function verified(tarball: Buffer, { name, version, integrity }: LockedPackage): Buffer {
  if (`sha512-${createHash('sha512').update(tarball).digest('base64')}` === integrity) return tarball;
  throw new StartFailure(
    FAILURE.packageHash,
    `the registry has other bytes of ${name} ${version} than package-lock.json says: make the lock again if you trust them`,
  );
}
