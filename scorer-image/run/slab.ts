/**
 * Things under numbers that are used again. In place of a Map or a Set, since through those passes every
 * request: each time V8 lays such a table out anew, the old one keeps pointing to it, so that once one of them
 * is old, all that ever passes through lives until the next full collection.
 */
export class Slab<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Its number, until it is taken. */
  insert(item: T): number {
    const at = this.#free.pop() ?? this.#items.length;
    this.#items[at] = item;
    return at;
  }

  get(at: number): T | undefined {
    return this.#items[at];
  }

  remove(at: number): T | undefined {
    const item = this.#items[at];
    if (item === undefined) return undefined;
    this.#items[at] = undefined;
    this.#free.push(at);
    return item;
  }

  values(): T[] {
    return this.#items.filter((item) => item !== undefined);
  }
}
