/** Answers that leave the worker in pieces: a script's ReadableStream, or JSON that is too long for one turn of the event loop. */
import type { FromWorker } from './messages.ts';

/** Pieces that are on their way to a client at the same time. */
const AHEAD = 2;

export type Pieces = AsyncIterable<Uint8Array> | Iterable<string>;

interface Open {
  cancel: () => void;
  more: () => void;
}

/** All answers in pieces of one worker. */
export class PieceSender {
  readonly #say: (message: FromWorker, transfer?: ArrayBuffer[]) => void;
  readonly #open = new Map<number, Open>();

  constructor(say: (message: FromWorker, transfer?: ArrayBuffer[]) => void) {
    this.#say = say;
  }

  /** Sends piece after piece, never more than {@link AHEAD} that were not taken; `done` is called when the last was sent, or none is wanted any more. */
  async send(id: number, pieces: Pieces, done: () => void): Promise<void> {
    let [credit, cancelled] = [AHEAD, false];
    let wake = (): void => undefined;
    this.#open.set(id, { more: () => { credit += 1; wake(); }, cancel: () => { cancelled = true; wake(); } });
    const iterator: AsyncIterator<Uint8Array | string> | Iterator<string> = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    let error: string | undefined;
    try {
      for (;;) {
        while (credit === 0 && !cancelled) await new Promise<void>((resolve) => (wake = resolve));
        const next = cancelled ? undefined : await raced<IteratorResult<Uint8Array | string>>(iterator.next(), new Promise<void>((resolve) => (wake = () => cancelled && resolve())));
        if (!next || next.done || cancelled) break;
        credit -= 1;
        const piece = next.value;
        this.#say({ type: 'piece', id, bytes: typeof piece === 'string' ? Buffer.from(piece) : piece });
        if (typeof piece === 'string') await new Promise((resolve) => setImmediate(resolve));
      }
      if (cancelled) await iterator.return?.();
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    }
    this.#open.delete(id);
    done();
    this.#say({ type: 'end', id, ...(error !== undefined && { error }) });
  }

  more(id: number): void {
    this.#open.get(id)?.more();
  }

  cancel(id: number): void {
    this.#open.get(id)?.cancel();
  }
}

/** What comes first; undefined for `stopped`. */
const raced = async <T>(next: T | Promise<T>, stopped: Promise<void>): Promise<T | undefined> => (next instanceof Promise ? Promise.race([next, stopped.then(() => undefined)]) : next);
