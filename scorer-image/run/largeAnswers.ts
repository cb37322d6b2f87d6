/** Large answers that are held until their clients have taken them: so many bytes of them at a time, and no more. */

/** A smaller answer never waits. */
export const LARGE_BYTES = 4 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;

export class LargeAnswers {
  #held = 0;
  readonly #waiting: (() => void)[] = [];

  /** Resolves when an answer of that size may be computed, with what gives its place back. One that is larger than all places waits until it is alone. */
  async room(bytes: number): Promise<() => void> {
    while (this.#held > 0 && this.#held + bytes > MOST_BYTES) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#held += bytes;
    let given = true;
    return () => {
      if (!given) return;
      given = false;
      this.#held -= bytes;
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }
}
