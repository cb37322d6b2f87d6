/**
 * Whether a model's calls gain by being joined, learnt from the calls. Small models always do: a call is mostly
 * overhead. A large one may need as long for three rows as for three calls, or longer, once they do not fit into the
 * processor's caches together; then who came first would wait for the others for nothing. Pure.
 */

/** A joined call (milliseconds) that is worth a second thought. */
const SLOW_CALL_MS = 2;
/** What a joined call may cost of the same calls one by one. */
const MAX_COST_RATIO = 0.9;
/** So many groups from one measurement of a slow model to the next: fewer the longer nothing has changed. */
const MIN_INTERVAL = 16;
const MAX_INTERVAL = 1024;

export class BatchingPolicy {
  /** What two measurements agreed on last. */
  #shouldBatch: boolean | undefined;
  #last: boolean | undefined;
  #slow = false;
  #interval = MIN_INTERVAL;
  #groupsLeft = 0;

  /** Whether groups should be joined; undefined while that is not known. */
  get shouldBatch(): boolean | undefined {
    return this.#shouldBatch;
  }

  /** Nothing is measured any more, as far as can be seen. */
  get decided(): boolean {
    return this.#shouldBatch !== undefined && !this.#slow;
  }

  /** A joined call took so long. */
  recordBatch(ms: number): void {
    if (ms >= SLOW_CALL_MS) this.#slow = true;
  }

  /** For each group in turn: whether it should be measured. */
  shouldMeasure(): boolean {
    if (this.decided) return false;
    this.#groupsLeft -= 1;
    return this.#groupsLeft < 0;
  }

  /** What so many calls took joined, and what they would have taken one by one: milliseconds. */
  compare(joined: number, apart: number): void {
    this.#slow = joined >= SLOW_CALL_MS; // a machine that stalled once makes no model large
    const pays = !this.#slow || joined < MAX_COST_RATIO * apart;
    const sure = pays === this.#last || pays === this.#shouldBatch;
    this.#last = pays;
    if (!sure) return; // the next group is measured, too
    this.#interval = pays === this.#shouldBatch ? Math.min(2 * this.#interval, MAX_INTERVAL) : MIN_INTERVAL;
    this.#groupsLeft = this.#interval;
    this.#shouldBatch = pays;
  }
}
