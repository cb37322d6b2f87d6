/** Large answers that are held until their clients have taken them: so many bytes of them at a time, and no more. */
import { BadInput } from '../load/json.ts';

/** A smaller answer never waits. */
export const LARGE_BYTES = 4 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;
const TOO_MANY_REQUESTS = 429;

export class LargeAnswers {
  #held = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Resolves when an answer of that size may be computed, with what gives its place back. One that is larger than all places
   * waits until it is alone. Throws BadInput (429) when there is no room after `waitMs`.
   */
  async room(bytes: number, waitMs: number): Promise<() => void> {
    const until = performance.now() + waitMs;
    while (this.#held > 0 && this.#held + bytes > MOST_BYTES) {
      const left = until - performance.now();
      if (left <= 0)
        throw new BadInput(
          'The endpoint is busy: it holds as many large answers as it can. Try again later, or ask for them in binary',
          TOO_MANY_REQUESTS,
        );
      await this.#change(left);
    }
    this.#held += bytes;
    let given = true;
    return () => {
      if (!given) return;
      given = false;
      this.#held -= bytes;
      for (const wake of this.#waiting) wake();
    };
  }

  /** Resolves when a place was given back, or after `ms`. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }
}
