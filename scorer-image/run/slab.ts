/**
 * Array-backed slab: items by an index that is reused. A Map rehashes; once its old backing store is tenured, V8 keeps
 * the entries alive until a major GC.
 */
export class Slab<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Returns the index of the item, until it is removed. */
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
