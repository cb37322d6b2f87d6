/**
 * Whether a model's calls gain by being joined, learnt from the calls. Small models always do: a call is mostly
 * overhead. A large one may need as long for eight rows as for eight calls, or longer, once they do not fit into the
 * processor's caches together; then who came first would wait for the others for nothing. Pure.
 */

/** A joined call (milliseconds) that is worth a second thought. */
const SLOW_MS = 2;
/** What a joined row may cost of one alone. */
const WORTH_IT = 0.9;
/** So many groups from one measurement to the next: fewer the longer nothing has changed. */
const OFTEN = 16;
const SELDOM = 1024;

export class Gain {
  /** Unknown before the first measurement: a large model is not to take the memory of eight rows for nothing. */
  #pays: boolean | undefined;
  #slow = false;
  #contradicted = false;
  #every = OFTEN;
  #left = OFTEN;

  /** Whether groups should be joined, as far as is known. */
  get pays(): boolean {
    return this.#pays ?? true;
  }

  /** A joined call took so long. */
  took(ms: number): void {
    if (ms >= SLOW_MS) this.#slow = true;
  }

  /** For each group in turn: whether it should be measured. */
  due(): boolean {
    if (this.#pays === undefined) return true;
    if (!this.#slow) return false;
    this.#left -= 1;
    return this.#left <= 0;
  }

  /** What a row took alone and joined, one after the other. A change of mind needs two measurements in a row. */
  learn(alone: number, joined: number): void {
    const pays = !this.#slow || joined < WORTH_IT * alone;
    this.#pays ??= pays;
    if (pays !== this.#pays && !this.#contradicted) {
      this.#contradicted = true;
      this.#left = 1;
      return;
    }
    this.#every = pays === this.#pays ? Math.min(2 * this.#every, SELDOM) : OFTEN;
    this.#left = this.#every;
    this.#pays = pays;
    this.#contradicted = false;
  }
}
