/** An answer whose body comes in pieces, as the HTTP thread sees it. */

/** The worker it comes from. */
export interface PieceSource {
  /** One more piece may come. */
  more: () => void;
  /** Nothing more of it is wanted. */
  cancel: () => void;
}

/** Who takes the pieces. */
export interface PieceTaker {
  /** Calls {@link AnswerStream.more} when it has room for another. */
  onPiece: (bytes: Uint8Array) => void;
  /** Once; with the reason where the body is not whole. */
  onEnd: (error?: string) => void;
}

export class AnswerStream {
  readonly #source: PieceSource;
  readonly #gapMs: number;
  #taker: PieceTaker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  /** A piece has to come within `gapMs` of the moment when there was room for it. */
  constructor(source: PieceSource, gapMs: number) {
    this.#source = source;
    this.#gapMs = gapMs;
  }

  /** Begins; at once, since pieces are not kept. */
  to(taker: PieceTaker): void {
    this.#taker = taker;
    this.#await();
  }

  more(): void {
    if (this.#over) return;
    this.#source.more();
    this.#await();
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#source.cancel();
  }

  piece(bytes: Uint8Array): void {
    clearTimeout(this.#timer);
    if (!this.#over) this.#taker?.onPiece(bytes);
  }

  end(error?: string): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    this.#over = true;
    this.#taker?.onEnd(error);
  }

  #await(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#source.cancel();
      this.end(`no more of the answer came for ${this.#gapMs} ms`);
    }, this.#gapMs).unref();
  }
}
