/** pvc://CLAIM[/PATH]: a file or a folder, copied from the mounted PersistentVolumeClaim. */
import { FAILURE, type ModelSource } from '@penstock/contract';
import { constants } from 'node:fs';
import { mkdir, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { StartFailure } from '../../failure.ts';
import { combined, store, type Stored } from '../store.ts';

const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 32;
/** Folders at the root of a claim that the file system or the storage makes. */
const OF_THE_FILE_SYSTEM: ReadonlySet<string> = new Set(['lost+found', '.snapshot']);
/** A line break in a name would make the digest of several files ambiguous. */
const CONTROL = /\p{Cc}/u;
/** Neither a link nor a pipe that blocks. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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
  if (start.isFile) return claim.copy(start.path, join(folder, basename(path)));
  const files: (Stored & { name: string })[] = [];
  for (const { name, path: from } of (await claim.filesBelow(start.path)).sort(byName))
    files.push({ name, ...(await claim.copy(from, join(folder, name))) });
  if (files.length === 0) throw new StartFailure(FAILURE.resource, `${uri} has no files`);
  return combined(files);
}

const byName = (a: { name: string }, b: { name: string }): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));

class Claim {
  readonly #uri: string;
  readonly #root: string;
  #entries = 0;

  constructor(uri: string, root: string) {
    this.#uri = uri;
    this.#root = root;
  }

  /** The real path. Throws for what is not there, leads out of the claim, or is no file or folder. */
  async resolve(path: string): Promise<{ path: string; isFile: boolean }> {
    const real = await realpath(path).catch((error: unknown) => {
      throw this.#unreadable(path, error);
    });
    if (!this.#isInside(real)) throw this.#failure(`${this.#shown(path)} is a link that leads out of the claim`);
    const found = await stat(real);
    if (!found.isFile() && !found.isDirectory())
      throw this.#failure(`${this.#shown(path)} is neither a file nor a folder`);
    return { path: real, isFile: found.isFile() };
  }

  /** Names are relative to the folder. */
  async filesBelow(folder: string, name = '', depth = 1): Promise<{ name: string; path: string }[]> {
    if (depth > MAX_DEPTH) throw this.#failure(`folders are more than ${MAX_DEPTH} deep`);
    const files: { name: string; path: string }[] = [];
    for (const entry of await this.#namesIn(folder)) {
      this.#entries += 1;
      if (this.#entries > MAX_ENTRIES) throw this.#failure(`there are more than ${MAX_ENTRIES} files and folders`);
      const found = await this.resolve(join(folder, entry));
      const below = name === '' ? entry : `${name}/${entry}`;
      if (found.isFile) files.push({ name: below, path: found.path });
      else files.push(...(await this.filesBelow(found.path, below, depth + 1)));
    }
    return files;
  }

  /**
   * Copies a file that was resolved. A writer of the claim may have changed the path since then, so the open file is
   * checked.
   */
  async copy(from: string, to: string): Promise<Stored> {
    await mkdir(dirname(to), { recursive: true });
    const file = await open(from, OPEN_FLAGS).catch((error: unknown) => {
      throw this.#unreadable(from, error);
    });
    try {
      const isFile = (await file.stat()).isFile();
      if (!isFile || !this.#isInside(await realpath(`/proc/self/fd/${file.fd}`)))
        throw this.#failure(`${this.#shown(from)} has changed while it was read`);
      return await store(file.createReadStream({ autoClose: false }), to);
    } finally {
      await file.close();
    }
  }

  async #namesIn(folder: string): Promise<string[]> {
    const names = await readdir(folder).catch((error: unknown) => {
      throw this.#unreadable(folder, error);
    });
    const strange = names.find((name) => CONTROL.test(name));
    if (strange !== undefined) throw this.#failure(`the name ${JSON.stringify(strange)} has a control character`);
    return names.filter((name) => folder !== this.#root || !OF_THE_FILE_SYSTEM.has(name));
  }

  #isInside(real: string): boolean {
    return real === this.#root || real.startsWith(this.#root + sep);
  }

  #shown(path: string): string {
    return relative(this.#root, path) || 'the claim';
  }

  #unreadable(path: string, error: unknown): StartFailure {
    const { code = String(error) } = error as { code?: string };
    if (code === 'ENOENT') return this.#failure(`${this.#shown(path)} is not there`);
    return this.#failure(`${this.#shown(path)} cannot be read (${code}) by user ${process.getuid?.() ?? ''}`);
  }

  #failure(message: string): StartFailure {
    return new StartFailure(FAILURE.resource, `${this.#uri}: ${message}`);
  }
}
