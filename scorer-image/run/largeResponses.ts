/** Large answers that are held until their clients have taken them: so many bytes of them at a time, and no more. */
import { BadInput } from '../tensor/json.ts';

/** A smaller answer never waits. */
export const LARGE_BYTES = 4 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;
const TOO_MANY_REQUESTS = 429;

export class LargeResponses {
  #reservedBytes = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Resolves when an answer of that size may be computed, with what gives its place back. One that is larger than all places
   * waits until it is alone. Throws BadInput (429) when there is no room after `waitMs`.
   */
  async reserve(bytes: number, waitMs: number): Promise<() => void> {
    const until = performance.now() + waitMs;
    while (this.#reservedBytes > 0 && this.#reservedBytes + bytes > MOST_BYTES) {
      const left = until - performance.now();
      if (left <= 0)
        throw new BadInput(
          'The endpoint is busy: it holds as many large answers as it can. Try again later, or ask for them in binary',
          TOO_MANY_REQUESTS,
        );
      await this.#nextRelease(left);
    }
    this.#reservedBytes += bytes;
    let given = true;
    return () => {
      if (!given) return;
      given = false;
      this.#reservedBytes -= bytes;
      for (const wake of this.#waiting) wake();
    };
  }

  /** Resolves when a place was given back, or after `ms`. */
  #nextRelease(ms: number): Promise<void> {
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
