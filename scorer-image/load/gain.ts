/**
 * Whether a model's calls gain by being joined, learnt from the calls. Small models always do: a call is mostly
 * overhead. A large one may need as long for three rows as for three calls, or longer, once they do not fit into the
 * processor's caches together; then who came first would wait for the others for nothing. Pure.
 */

/** A joined call (milliseconds) that is worth a second thought. */
const SLOW_MS = 2;
/** What a joined call may cost of the same calls one by one. */
const WORTH_IT = 0.9;
/** So many groups from one measurement of a slow model to the next: fewer the longer nothing has changed. */
const OFTEN = 16;
const SELDOM = 1024;

export class Gain {
  /** What two measurements agreed on last. */
  #pays: boolean | undefined;
  #last: boolean | undefined;
  #slow = false;
  #every = OFTEN;
  #left = 0;

  /** Whether groups should be joined; undefined while that is not known. */
  get pays(): boolean | undefined {
    return this.#pays;
  }

  /** Nothing is measured any more, as far as can be seen. */
  get settled(): boolean {
    return this.#pays !== undefined && !this.#slow;
  }

  /** A joined call took so long. */
  took(ms: number): void {
    if (ms >= SLOW_MS) this.#slow = true;
  }

  /** For each group in turn: whether it should be measured. */
  next(): boolean {
    if (this.settled) return false;
    this.#left -= 1;
    return this.#left < 0;
  }

  /** What so many calls took joined, and what they would have taken one by one: milliseconds. */
  learn(joined: number, apart: number): void {
    this.#slow = joined >= SLOW_MS; // a machine that stalled once makes no model large
    const pays = !this.#slow || joined < WORTH_IT * apart;
    const sure = pays === this.#last || pays === this.#pays;
    this.#last = pays;
    if (!sure) return; // the next group is measured, too
    this.#every = pays === this.#pays ? Math.min(2 * this.#every, SELDOM) : OFTEN;
    this.#left = this.#every;
    this.#pays = pays;
  }
}
