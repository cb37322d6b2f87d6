/**
 * Responses that a worker sends in chunks: a script's ReadableStream, or JSON that is too long for one turn of the
 * event loop.
 */
import type { ByteStream, Chunks } from '../protocols/messages.ts';
import type { FromWorker } from './messages.ts';

/** Chunks of one response that the client has not read. */
const MAX_CHUNKS_IN_FLIGHT = 2;

type Post = (message: FromWorker, transfer?: ArrayBuffer[]) => void;

interface OpenResponse {
  credit: number;
  cancelled: boolean;
  /** Called when one of the two has changed. */
  wake: () => void;
}

/** All chunked responses of one worker. */
export class ChunkSender {
  readonly #post: Post;
  readonly #open = new Map<number, OpenResponse>();

  constructor(post: Post) {
    this.#post = post;
  }

  /**
   * Sends the chunks, beginning in the next turn of the event loop, with at most {@link MAX_CHUNKS_IN_FLIGHT} unread.
   * `done` is called after the last one, or when the response is cancelled.
   */
  async send(id: number, chunks: Chunks, done: () => void): Promise<void> {
    const answer: OpenResponse = { credit: MAX_CHUNKS_IN_FLIGHT, cancelled: false, wake: () => undefined };
    this.#open.set(id, answer); // now, because it may be cancelled before the first chunk
    await new Promise((resolve) => setImmediate(resolve));
    let error: string | undefined;
    try {
      await ('cancel' in chunks ? this.#sendStream(id, chunks, answer) : this.#sendTexts(id, chunks, answer));
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    }
    this.#open.delete(id);
    done();
    this.#post({ type: 'end', id, ...(error !== undefined && { error }) });
  }

  grantCredit(id: number): void {
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

  async #sendStream(id: number, stream: ByteStream, answer: OpenResponse): Promise<void> {
    try {
      while (await waitForCredit(answer)) {
        const bytes = await Promise.race([stream.next(), cancelled(answer)]);
        if (!bytes || answer.cancelled) return;
        // copied, because it may be part of a larger buffer of the script
        this.#sendChunk(id, new Uint8Array(bytes), answer);
      }
    } finally {
      if (answer.cancelled) stream.cancel();
    }
  }

  async #sendTexts(id: number, texts: Iterable<string>, answer: OpenResponse): Promise<void> {
    for (const text of texts) {
      if (!(await waitForCredit(answer))) return;
      this.#sendChunk(id, utf8.encode(text), answer);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #sendChunk(id: number, bytes: Uint8Array<ArrayBuffer>, answer: OpenResponse): void {
    answer.credit -= 1;
    this.#post({ type: 'chunk', id, bytes }, [bytes.buffer]);
  }
}

const utf8 = new TextEncoder();

/** Resolves with true when another chunk may be sent, with false when the response is cancelled. */
async function waitForCredit(answer: OpenResponse): Promise<boolean> {
  while (answer.credit === 0 && !answer.cancelled) await new Promise<void>((resolve) => (answer.wake = resolve));
  return !answer.cancelled;
}

const cancelled = (answer: OpenResponse): Promise<undefined> =>
  new Promise((resolve) => {
    answer.wake = () => {
      if (answer.cancelled) resolve(undefined);
    };
  });
