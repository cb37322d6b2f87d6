/**
 * What a script expects of `process` and a worker thread lacks: output that is written when write() returns, however
 * the thread ends, and chdir().
 */
import { writeSync } from 'node:fs';

/** How long output waits for a log reader that reads nothing; after that it is dropped until the reader continues. */
const MAX_BLOCKED_MS = 10_000;
const PAUSE_MS = 2;
const CHDIR_MS = 5_000;

/** Shared with the main thread: the number of the last chdir() call, and its result: 1 done, 2 failed. */
export type ChdirState = Int32Array<SharedArrayBuffer>;

export const newChdirState = (): ChdirState => new Int32Array(new SharedArrayBuffer(8));

/** Makes process.stdout and process.stderr of this thread write to the file descriptors synchronously. */
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

/** Time since output was last accepted. */
let waitedMs = 0;

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
      waitedMs = 0;
    } catch (error) {
      // the reader has closed, or reads nothing
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waitedMs >= MAX_BLOCKED_MS) return;
      waitedMs += PAUSE_MS;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/** Gives this thread a process.chdir(). The main thread carries it out, and it applies to the whole process. */
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

/** On the main thread: carries out a call of {@link provideChdir}. */
export function chdirFor(state: ChdirState, folder: string, call: number): void {
  if (Atomics.load(state, 0) !== call) return; // the caller has timed out
  let done = 1;
  try {
    process.chdir(folder);
  } catch {
    done = 2;
  }
  Atomics.store(state, 1, done);
  Atomics.notify(state, 1);
}
