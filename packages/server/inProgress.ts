/** A number of things in progress, for a graceful shutdown that waits until there are none. */

export class InProgress {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  set(count: number): void {
    this.#count = count;
    if (count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  add(difference: 1 | -1): void {
    this.set(this.#count + difference);
  }

  /** Resolves as soon as the number is 0. */
  none(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Resolves at a moment at which all the numbers are 0. */
export async function noneOf(...all: InProgress[]): Promise<void> {
  while (all.some(({ count }) => count > 0)) await Promise.all(all.map((one) => one.none()));
}
