/** A limited resource that namespaces share, such as connections or memory. Pure. */

/**
 * A namespace may hold at most this many times what is then still free: the dynamic threshold of shared-memory switches
 * (Choudhury and Hahne, 1998). A single namespace gets two thirds of the resource, and some of it is always left for
 * another namespace.
 */
const TIMES_FREE = 2;

export class FairShare {
  readonly #total: number;
  readonly #used = new Map<string, number>();
  #sum = 0;

  /** `total`: what all namespaces share, in any unit. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Whether `namespace` may take `amount` more. */
  admits(namespace: string, amount: number): boolean {
    return this.used(namespace) + amount <= TIMES_FREE * (this.#total - this.#sum - amount);
  }

  /** Records that `namespace` takes `amount` more, or less where it is negative. */
  add(namespace: string, amount: number): void {
    const used = this.used(namespace) + amount;
    this.#sum += amount;
    if (used > 0) this.#used.set(namespace, used);
    else this.#used.delete(namespace);
  }

  /** What `namespace` has. */
  used(namespace: string): number {
    return this.#used.get(namespace) ?? 0;
  }

  /** What all namespaces have. */
  get sum(): number {
    return this.#sum;
  }
}
