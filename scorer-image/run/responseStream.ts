/** An answer whose body comes in chunks, as the HTTP thread sees it. */

/** The worker it comes from. */
export interface ChunkSource {
  /** One more piece may come. */
  pull: () => void;
  /** Nothing more of it is wanted. */
  cancel: () => void;
}

/** Who takes the chunks. */
export interface ChunkSink {
  /** Calls {@link ResponseStream.more} when it has room for another. */
  onChunk: (bytes: Uint8Array) => void;
  /** Once; with the reason where the body is not whole. */
  onEnd: (error?: string) => void;
}

export class ResponseStream {
  readonly #source: ChunkSource;
  readonly #chunkTimeoutMs: number;
  #sink: ChunkSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** A piece has to come within `gapMs` of the moment when there was room for it. */
  constructor(source: ChunkSource, gapMs: number) {
    this.#source = source;
    this.#chunkTimeoutMs = gapMs;
  }

  /** Begins; at once, since chunks are not kept. */
  pipeTo(taker: ChunkSink): void {
    this.#sink = taker;
    this.#startTimeout();
  }

  more(): void {
    if (this.#ended) return;
    this.#source.pull();
    this.#startTimeout();
  }

  /** The client is gone. */
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
