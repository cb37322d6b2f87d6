/** Unpacks the tarball of an npm package. tar-stream reads it, and each path is checked before it is written. */
import { FAILURE } from '@penstock/contract';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { StartFailure } from '../failure.ts';

type File = AsyncIterable<Buffer> & { header: Header };

/** Counts what was written, over all packages. */
export interface DiskBudget {
  /** Takes bytes. Throws StartFailure when the packages are too large. */
  take: (bytes: number) => void;
}

/** Files only. The first folder of each path is the package itself. */
export async function unpack(tarball: Buffer, folder: string, name: string, disk: DiskBudget): Promise<void> {
  const entries = extract();
  const made = new Set<string>();
  const write = async (): Promise<void> => {
    for await (const entry of entries) {
      const parts = partsOf(entry.header, name);
      if (parts) await writeFile(entry as File, join(folder, ...parts), made, disk);
      else entry.resume();
    }
  };
  const reading = pipeline(Readable.from([tarball]), createGunzip(), entries);
  // what stops writing stops reading, too, so its reason counts
  const [written, read] = await Promise.allSettled([write(), reading]);
  const failed = [written, read].find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failed) throw failureOf(failed.reason as NodeJS.ErrnoException, name);
}

function failureOf(error: NodeJS.ErrnoException, name: string): StartFailure {
  if (error instanceof StartFailure) return error;
  if (error.code === 'ENOSPC')
    return new StartFailure(FAILURE.environmentTooLarge, 'there is no space on the disk for the packages');
  return new StartFailure(FAILURE.environment, `${name}: its tarball cannot be unpacked: ${error.message}`);
}

/**
 * The path below the package. Undefined for what npm does not install either: folders, links, and a file outside of
 * the package's folder. Throws StartFailure for a path that leads elsewhere.
 */
function partsOf({ name: path, type }: Header, name: string): string[] | undefined {
  const [, ...parts] = path.split('/').filter((part) => part !== '' && part !== '.');
  if (type !== 'file' || parts.length === 0) return undefined;
  if (!parts.some((part) => part === '..' || /[\\\0]/.test(part))) return parts;
  throw new StartFailure(FAILURE.environment, `${name}: its tarball has the path ${path.slice(0, 100)}`);
}

async function writeFile(entry: File, path: string, made: Set<string>, disk: DiskBudget): Promise<void> {
  const folder = dirname(path);
  if (!made.has(folder)) await mkdir(folder, { recursive: true });
  made.add(folder);
  const file = await open(path, 'w', entry.header.mode & 0o111 ? 0o755 : 0o644);
  try {
    for await (const chunk of entry) {
      disk.take(chunk.length);
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
}
