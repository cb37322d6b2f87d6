/** Answers that leave the worker in pieces: a script's ReadableStream, or JSON that is too long for one turn of the event loop. */
import type { FromWorker } from './messages.ts';

/** Pieces that are on their way to a client at the same time. */
const AHEAD = 2;

/** Bytes that are still being made. */
export interface ByteStream {
  next: () => Promise<Uint8Array | undefined>;
  /** Ends it at once, also while a next piece is awaited. */
  cancel: () => void;
}

export type Pieces = ByteStream | Iterable<string>;

type Say = (message: FromWorker, transfer?: ArrayBuffer[]) => void;

interface OpenAnswer {
  credit: number;
  cancelled: boolean;
  /** Called when one of the two has changed. */
  wake: () => void;
}

/** All answers in pieces of one worker. */
export class PieceSender {
  readonly #say: Say;
  readonly #open = new Map<number, OpenAnswer>();

  constructor(say: Say) {
    this.#say = say;
  }

  /** Sends piece after piece, from the next turn on, never more than {@link AHEAD} that were not taken; `done` is called after the last one, or when the answer is cancelled. */
  async send(id: number, pieces: Pieces, done: () => void): Promise<void> {
    const answer: OpenAnswer = { credit: AHEAD, cancelled: false, wake: () => undefined };
    this.#open.set(id, answer); // now: it may be cancelled before the first piece
    await new Promise((resolve) => setImmediate(resolve));
    let error: string | undefined;
    try {
      await ('cancel' in pieces ? this.#sendStream(id, pieces, answer) : this.#sendTexts(id, pieces, answer));
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    }
    this.#open.delete(id);
    done();
    this.#say({ type: 'end', id, ...(error !== undefined && { error }) });
  }

  more(id: number): void {
    const answer = this.#open.get(id);
    if (!answer) return;
    answer.credit += 1;
    answer.wake();
  }

  cancel(id: number): void {
    const answer = this.#open.get(id);
    if (!answer) return;
    answer.cancelled = true;
    answer.wake();
  }

  async #sendStream(id: number, stream: ByteStream, answer: OpenAnswer): Promise<void> {
    try {
      while (await room(answer)) {
        const bytes = await Promise.race([stream.next(), cancelled(answer)]);
        if (!bytes || answer.cancelled) return;
        this.#sendPiece(id, new Uint8Array(bytes), answer); // a copy: what a script gives may be part of a larger buffer
      }
    } finally {
      if (answer.cancelled) stream.cancel();
    }
  }

  async #sendTexts(id: number, texts: Iterable<string>, answer: OpenAnswer): Promise<void> {
    for (const text of texts) {
      if (!(await room(answer))) return;
      this.#sendPiece(id, utf8.encode(text), answer);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #sendPiece(id: number, bytes: Uint8Array<ArrayBuffer>, answer: OpenAnswer): void {
    answer.credit -= 1;
    this.#say({ type: 'piece', id, bytes }, [bytes.buffer]);
  }
}

const utf8 = new TextEncoder();

/** Resolves when another piece may be sent; false when none is wanted. */
async function room(answer: OpenAnswer): Promise<boolean> {
  while (answer.credit === 0 && !answer.cancelled) await new Promise<void>((resolve) => (answer.wake = resolve));
  return !answer.cancelled;
}

const cancelled = (answer: OpenAnswer): Promise<undefined> =>
  new Promise((resolve) => {
    answer.wake = () => {
      if (answer.cancelled) resolve(undefined);
    };
  });
