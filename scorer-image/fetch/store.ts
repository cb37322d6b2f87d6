/** Writes fetched files to disk and hashes them on the way. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Stored {
  /** `sha256:<hex>` */
  digest: string;
  sizeBytes: number;
}

/** Writes one file, which is read-only afterwards. */
export async function store(bytes: Readable, path: string): Promise<Stored> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(bytes, count, createWriteStream(path));
  await chmod(path, 0o444);
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

/**
 * Digest and size of several files. The digest is that of the lines "<sha256>  <name>\n", as sha256sum prints them, in
 * the order of `files`.
 */
export function combined(files: readonly (Stored & { name: string })[]): Stored {
  const lines = files.map(({ digest, name }) => `${digest.slice('sha256:'.length)}  ${name}\n`).join('');
  return {
    digest: `sha256:${createHash('sha256').update(lines).digest('hex')}`,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}
