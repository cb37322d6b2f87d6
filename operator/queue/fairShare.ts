/** A resource that namespaces share: places of a server, or memory of a cache. Pure. */

/**
 * A namespace may hold at most this many times what is then still free for all: the dynamic threshold of shared-memory
 * switches (Choudhury and Hahne, 1998). One namespace alone gets two thirds, and however many want everything, some
 * is left for the next one.
 */
const TIMES_FREE = 2;

export class FairShare {
  readonly #total: number;
  readonly #used = new Map<string, number>();
  #sum = 0;

  /** `total`, in the resource's own unit, for all namespaces together. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Whether `namespace` may take so much more. */
  admits(namespace: string, amount: number): boolean {
    return this.used(namespace) + amount <= TIMES_FREE * (this.#total - this.#sum - amount);
  }

  /** Notes that `namespace` takes so much more; less, where `amount` is negative. */
  add(namespace: string, amount: number): void {
    const used = this.used(namespace) + amount;
    this.#sum += amount;
    if (used > 0) this.#used.set(namespace, used);
    else this.#used.delete(namespace);
  }

  /** What `namespace` holds. */
  used(namespace: string): number {
    return this.#used.get(namespace) ?? 0;
  }

  /** What all of them hold. */
  get sum(): number {
    return this.#sum;
  }
}
