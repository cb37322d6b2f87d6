/**
 * What a script expects of `process` and a worker thread does not have: output that is written when write() returns, whatever
 * ends the thread, and chdir().
 */
import { writeSync } from 'node:fs';

/** How long in all a reader of the log is waited for that takes nothing; output is then dropped until it takes some again. */
const MAX_BLOCKED_MS = 10_000;
const PAUSE_MS = 2;
const CHDIR_MS = 5_000;

/** Shared with the main thread: the number of the last call of chdir(), and its result: 1 done, 2 failed. */
export type ChdirState = Int32Array<SharedArrayBuffer>;

export const newChdirState = (): ChdirState => new Int32Array(new SharedArrayBuffer(8));

/** Makes process.stdout and process.stderr of this thread write to the process's own descriptors, at once. */
export function writeSynchronously(): void {
  for (const [stream, descriptor] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    stream.write = (
      chunk: string | Uint8Array,
      encoding?: BufferEncoding | ((error?: Error | null) => void),
      done?: (error?: Error | null) => void,
    ): boolean => {
      writeWhole(
        descriptor,
        typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : chunk,
      );
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) queueMicrotask(() => callback());
      return true;
    };
  }
}

/** Since output was last taken. */
let waitedMs = 0;

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
      waitedMs = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waitedMs >= MAX_BLOCKED_MS) return; // the reader has closed, or takes nothing
      waitedMs += PAUSE_MS;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/** Gives this thread a process.chdir(), which the main thread does for it: the folder is the whole process's, and that of all its workers. */
export function provideChdir(state: ChdirState, ask: (folder: string, call: number) => void): void {
  process.chdir = (folder) => {
    const call = Atomics.add(state, 0, 1) + 1;
    Atomics.store(state, 1, 0);
    ask(folder, call);
    if (Atomics.wait(state, 1, 0, CHDIR_MS) === 'timed-out')
      throw new Error(`process.chdir(${folder}) was not done within ${CHDIR_MS / 1000} s`);
    if (Atomics.load(state, 1) !== 1) throw new Error(`process.chdir: there is no folder ${folder}`);
  };
}

/** On the main thread: does what {@link provideChdir} asks for. */
export function chdirFor(state: ChdirState, folder: string, call: number): void {
  if (Atomics.load(state, 0) !== call) return; // its caller has given up
  let done = 1;
  try {
    process.chdir(folder);
  } catch {
    done = 2;
  }
  Atomics.store(state, 1, done);
  Atomics.notify(state, 1);
}
