/** Limits the memory of large responses that are kept until their clients have read them. */
import { rejection } from '../rejections.ts';
import { BadInput } from '../tensor/errors.ts';

/** Smaller responses never wait (bytes). */
export const LARGE_BYTES = 4 * 2 ** 20;
const MOST_BYTES = 64 * 2 ** 20;

export class LargeResponses {
  #reservedBytes = 0;
  readonly #waiting = new Set<() => void>();

  /**
   * Resolves when a response of `bytes` may be computed, with the function that releases its memory. A response that
   * exceeds the limit waits until it is the only one. Rejects with BadInput (429) after `waitMs`.
   */
  async reserve(bytes: number, waitMs: number): Promise<() => void> {
    const until = performance.now() + waitMs;
    while (this.#reservedBytes > 0 && this.#reservedBytes + bytes > MOST_BYTES) {
      const left = until - performance.now();
      if (left <= 0) throw new BadInput(rejection('tooManyLargeResponses'));
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

  /** Resolves when memory is released, or after `ms`. */
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
