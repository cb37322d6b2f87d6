/** pvc://CLAIM[/PATH]: a file or a folder, copied from the mounted PersistentVolumeClaim. */
import { FAILURE, type ModelSource } from '@penstock/contract';
import { constants, type Dirent } from 'node:fs';
import { mkdir, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { StartFailure } from '../../failure.ts';
import { combined, store, type Stored } from '../store.ts';

const MAX_FILES = 10_000;
const MAX_DEPTH = 32;
/** Made by mkfs, and not readable. */
const LOST_AND_FOUND = 'lost+found';

interface Folders {
  /** Where the claim is mounted. */
  mounted: string;
  /** Where the files go. */
  folder: string;
}

/**
 * Copies a file under its own name, or all files of a folder. A symbolic link is followed where it leads to a file or
 * folder of the same claim. Rejects with StartFailure.
 */
export async function fetchClaim(
  uri: string,
  { path }: Extract<ModelSource, { scheme: 'pvc' }>,
  { mounted, folder }: Folders,
): Promise<Stored> {
  const claim = new Claim(uri, await realpath(mounted).catch(() => mounted));
  const start = await claim.resolve(join(mounted, path));
  if (start.isFile) return copy(start.path, join(folder, basename(path)));
  const files: (Stored & { name: string })[] = [];
  for (const { name, path: from } of (await claim.filesBelow(start.path)).sort(byName))
    files.push({ name, ...(await copy(from, join(folder, name))) });
  if (files.length === 0) throw new StartFailure(FAILURE.resource, `${uri} has no files`);
  return combined(files);
}

const byName = (a: { name: string }, b: { name: string }): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));

class Claim {
  readonly #uri: string;
  readonly #root: string;

  constructor(uri: string, root: string) {
    this.#uri = uri;
    this.#root = root;
  }

  /** The real path. Throws for what is not there, leads out of the claim, or is no file or folder. */
  async resolve(path: string): Promise<{ path: string; isFile: boolean }> {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) throw this.#failure(`${this.#shown(path)} is not there`);
    if (real !== this.#root && !real.startsWith(this.#root + sep))
      throw this.#failure(`${this.#shown(path)} is a link that leads out of the claim`);
    const found = await stat(real);
    if (!found.isFile() && !found.isDirectory())
      throw this.#failure(`${this.#shown(path)} is neither a file nor a folder`);
    return { path: real, isFile: found.isFile() };
  }

  /** Names are relative to the folder. */
  async filesBelow(folder: string, name = '', depth = 1): Promise<{ name: string; path: string }[]> {
    if (depth > MAX_DEPTH) throw this.#failure(`folders are more than ${MAX_DEPTH} deep`);
    const files: { name: string; path: string }[] = [];
    for (const entry of await this.#entries(folder)) {
      const found = await this.resolve(join(folder, entry.name));
      const below = name === '' ? entry.name : `${name}/${entry.name}`;
      if (found.isFile) files.push({ name: below, path: found.path });
      else files.push(...(await this.filesBelow(found.path, below, depth + 1)));
      if (files.length > MAX_FILES) throw this.#failure(`there are more than ${MAX_FILES} files`);
    }
    return files;
  }

  async #entries(folder: string): Promise<Dirent[]> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      throw this.#failure(`${this.#shown(folder)} cannot be read: ${(error as Error).message}`);
    });
    return entries.filter(({ name }) => folder !== this.#root || name !== LOST_AND_FOUND);
  }

  #shown = (path: string): string => relative(this.#root, path) || 'the claim';

  #failure(message: string): StartFailure {
    return new StartFailure(FAILURE.resource, `${this.#uri}: ${message}`);
  }
}

/** O_NOFOLLOW, because the link may have been made after it was resolved. */
async function copy(from: string, to: string): Promise<Stored> {
  await mkdir(dirname(to), { recursive: true });
  const file = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  return store(file.createReadStream(), to);
}
