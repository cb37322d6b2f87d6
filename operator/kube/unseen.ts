/** Objects of one kind for which their namespace has no room left in the cache, by namespace. Pure. */
import type { FairShare } from '../queue/fairShare.ts';

/** So many are known by name; a namespace with more is not complete before a new list. */
const MOST_NAMES = 1_000;

export class Unseen {
  readonly #bytes = new Map<string, Map<string, number>>();

  /** Notes an object that takes so many bytes. */
  add(namespace: string, name: string, bytes: number): void {
    const names = this.#bytes.get(namespace) ?? new Map<string, number>();
    if (names.size < MOST_NAMES) this.#bytes.set(namespace, names.set(name, bytes));
  }

  /** For an object that was deleted, or found room. */
  remove(namespace: string, name: string): void {
    const names = this.#bytes.get(namespace);
    names?.delete(name);
    if (names?.size === 0) this.#bytes.delete(namespace);
  }

  /** Names in a namespace, at most {@link MOST_NAMES}. */
  names(namespace: string): string[] {
    return [...(this.#bytes.get(namespace)?.keys() ?? [])];
  }

  /** Whether one of them would find room now. */
  fits(budget: FairShare): boolean {
    return [...this.#bytes].some(([namespace, names]) => budget.admits(namespace, Math.min(...names.values())));
  }
}
