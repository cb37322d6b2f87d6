/**
 * What a script expects of `process` and a worker thread does not have: output that is out when write() returns, whatever
 * ends the thread, and chdir().
 */
import { writeSync } from 'node:fs';

/** A log reader that takes nothing is waited for this long in all, and then does without. */
const MOST_WAITING_MS = 10_000;
const PAUSE_MS = 2;
const CHDIR_MS = 5_000;

/** Shared with the main thread: [0] is set to 1 when chdir() was done, 2 when it failed. */
export type Turn = Int32Array<SharedArrayBuffer>;

export const newTurn = (): Turn => new Int32Array(new SharedArrayBuffer(4));

/** Makes process.stdout and process.stderr of this thread write to the process's own descriptors, at once. */
export function writeAtOnce(): void {
  for (const [stream, descriptor] of [[process.stdout, 1], [process.stderr, 2]] as const) {
    stream.write = (chunk: string | Uint8Array, encoding?: BufferEncoding | ((error?: Error | null) => void), done?: (error?: Error | null) => void): boolean => {
      writeWhole(descriptor, typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : chunk);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) queueMicrotask(() => callback());
      return true;
    };
  }
}

let waited = 0;

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length && waited < MOST_WAITING_MS;) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return; // the reader is gone
      waited += PAUSE_MS;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/** Gives this thread a process.chdir(), which the main thread does for it: the folder is the whole process's, and that of all its workers. */
export function lendChdir(turn: Turn, ask: (folder: string) => void): void {
  process.chdir = (folder) => {
    Atomics.store(turn, 0, 0);
    ask(folder);
    Atomics.wait(turn, 0, 0, CHDIR_MS);
    if (Atomics.load(turn, 0) !== 1) throw new Error(`process.chdir: there is no folder ${folder}`);
  };
}

/** On the main thread: does what {@link lendChdir} asks for. */
export function chdirFor(turn: Turn, folder: string): void {
  let done = 1;
  try {
    process.chdir(folder);
  } catch {
    done = 2;
  }
  Atomics.store(turn, 0, done);
  Atomics.notify(turn, 0);
}
