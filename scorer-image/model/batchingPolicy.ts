/**
 * Whether batching makes the calls of a model faster, measured while it serves. A call of a small model is mostly
 * overhead, so batching always helps. A large model may need as long for three rows as for three calls once they exceed
 * the processor's caches; then batching only delays the first caller. Pure.
 */

/** Batched calls below this duration are not measured (milliseconds). */
const SLOW_CALL_MS = 2;
/** Batching must take less than this share of the time of single calls. */
const MAX_COST_RATIO = 0.9;
/** Groups between two measurements of a slow model; the interval doubles while the decision stays the same. */
const MIN_INTERVAL = 16;
const MAX_INTERVAL = 1024;

export class BatchingPolicy {
  /** The result of the last two measurements that agreed. */
  #shouldBatch: boolean | undefined;
  #last: boolean | undefined;
  #slow = false;
  #interval = MIN_INTERVAL;
  #groupsLeft = 0;

  /** Whether groups should be batched; undefined until it is known. */
  get shouldBatch(): boolean | undefined {
    return this.#shouldBatch;
  }

  /** Whether measuring has ended. */
  get decided(): boolean {
    return this.#shouldBatch !== undefined && !this.#slow;
  }

  /** Records the duration of a batched call. */
  recordBatch(ms: number): void {
    if (ms >= SLOW_CALL_MS) this.#slow = true;
  }

  /** Call it for each group: whether this one should be measured. */
  shouldMeasure(): boolean {
    if (this.decided) return false;
    this.#groupsLeft -= 1;
    return this.#groupsLeft < 0;
  }

  /** Milliseconds of the same calls batched, and one by one. */
  compare(joined: number, apart: number): void {
    this.#slow = joined >= SLOW_CALL_MS; // a single stall of the machine does not make a model slow
    const pays = !this.#slow || joined < MAX_COST_RATIO * apart;
    const sure = pays === this.#last || pays === this.#shouldBatch;
    this.#last = pays;
    if (!sure) return; // the next group is measured, too
    this.#interval = pays === this.#shouldBatch ? Math.min(2 * this.#interval, MAX_INTERVAL) : MIN_INTERVAL;
    this.#groupsLeft = this.#interval;
    this.#shouldBatch = pays;
  }
}
