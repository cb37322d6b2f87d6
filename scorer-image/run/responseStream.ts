/** A streamed response on the HTTP thread. */

/** The worker that sends the chunks. */
export interface ChunkSource {
  /** Another chunk may be sent. */
  pull: () => void;
  /** No further chunk is needed. */
  cancel: () => void;
}

/** The receiver of the chunks. */
export interface ChunkSink {
  /** Calls {@link ResponseStream.pull} when it can take another chunk. */
  onChunk: (bytes: Uint8Array) => void;
  /** Called once; with the reason where the body is incomplete. */
  onEnd: (error?: string) => void;
}

export class ResponseStream {
  readonly #source: ChunkSource;
  readonly #chunkTimeoutMs: number;
  #sink: ChunkSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** A chunk must arrive within `chunkTimeoutMs` after it was requested. */
  constructor(source: ChunkSource, gapMs: number) {
    this.#source = source;
    this.#chunkTimeoutMs = gapMs;
  }

  /** Starts the stream. Call it at once, because chunks are not buffered. */
  pipeTo(taker: ChunkSink): void {
    this.#sink = taker;
    this.#startTimeout();
  }

  more(): void {
    if (this.#ended) return;
    this.#source.pull();
    this.#startTimeout();
  }

  /** The client has disconnected. */
  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#source.cancel();
  }

  chunk(bytes: Uint8Array): void {
    clearTimeout(this.#timer);
    if (!this.#ended) this.#sink?.onChunk(bytes);
  }

  end(error?: string): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#ended = true;
    this.#sink?.onEnd(error);
  }

  #startTimeout(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#source.cancel();
      this.end(`no more of the answer came for ${this.#chunkTimeoutMs} ms`);
    }, this.#chunkTimeoutMs).unref();
  }
}
