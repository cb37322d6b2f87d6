/** How much of the operator's memory the cached objects of each namespace may take. Pure. */

/**
 * A namespace may take at most this many times what is then still free for all: the dynamic threshold of shared-memory
 * switches (Choudhury and Hahne, 1998). One namespace alone gets two thirds, and however many want everything, some
 * is left for the next one.
 */
const TIMES_FREE = 2;

export class CacheBudget {
  readonly #total: number;
  readonly #used = new Map<string, number>();
  #sum = 0;

  /** `total` in bytes, for all namespaces together. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Whether `namespace` may take so many bytes more. */
  admits(namespace: string, bytes: number): boolean {
    return this.used(namespace) + bytes <= TIMES_FREE * (this.#total - this.#sum - bytes);
  }

  /** Notes that `namespace` takes so many bytes more; less, where `bytes` is negative. */
  add(namespace: string, bytes: number): void {
    const used = (this.#used.get(namespace) ?? 0) + bytes;
    this.#sum += bytes;
    if (used > 0) this.#used.set(namespace, used);
    else this.#used.delete(namespace);
  }

  /** Bytes that the objects of `namespace` take. */
  used(namespace: string): number {
    return this.#used.get(namespace) ?? 0;
  }
}

/** Bytes of a field beside a text of its own, roughly as V8 holds it. */
const FIELD_BYTES = 32;

/** Memory that a value of JSON takes, roughly (bytes). No recursion: a value may be nested as deep as it likes. */
export function memoryOf(value: unknown): number {
  let bytes = 0;
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    bytes += FIELD_BYTES;
    if (typeof one === 'string') bytes += one.length;
    else if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) open.push(inner);
  }
  return bytes;
}
