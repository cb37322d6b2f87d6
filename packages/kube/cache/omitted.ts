/** The objects of one kind that are not cached because their namespace has no room. Pure. */
import type { FairShare } from './fairShare.ts';

/** At most so many are known by name; whether there are more is known until the next list. */
const MAX_NAMES = 1_000;

interface Omitted {
  /** Estimated bytes, by name. */
  names: Map<string, number>;
  /** Whether there are further objects: `before` according to the last list, `now` according to the current one. */
  more: 'no' | 'before' | 'now';
}

export class OmittedObjects {
  readonly #byNamespace = new Map<string, Omitted>();

  /** Records an omitted object. */
  add(namespace: string, name: string, bytes: number): void {
    const left = this.#byNamespace.get(namespace) ?? { names: new Map<string, number>(), more: 'no' as const };
    this.#byNamespace.set(namespace, left);
    if (left.names.size < MAX_NAMES || left.names.has(name)) left.names.set(name, bytes);
    else left.more = 'now';
  }

  /** For an object that was deleted or is cached now. */
  remove(namespace: string, name: string): void {
    const left = this.#byNamespace.get(namespace);
    left?.names.delete(name);
    if (left?.names.size === 0 && left.more === 'no') this.#byNamespace.delete(namespace);
  }

  /** A list of `namespace`, or of all, begins. It will report every omitted object. */
  listBegins(namespace?: string): void {
    for (const left of this.#in(namespace)) if (left.more === 'now') left.more = 'before';
  }

  /** The list is complete; omitted objects that it did not have are gone. */
  listEnds(listed: (namespace: string, name: string) => boolean, namespace?: string): void {
    for (const [one, left] of [...this.#byNamespace].filter(([of]) => (namespace ?? of) === of)) {
      if (left.more === 'before') left.more = 'no';
      for (const name of ['', ...left.names.keys()]) if (!listed(one, name)) this.remove(one, name);
    }
  }

  /** Names of the omitted objects of a namespace, at most {@link MAX_NAMES}; '…' where no name is known. */
  names(namespace: string): string[] {
    const left = this.#byNamespace.get(namespace);
    return left && left.names.size === 0 ? ['…'] : [...(left?.names.keys() ?? [])];
  }

  /** Whether an omitted object, of `namespace` or of any, would fit now. */
  fits(budget: FairShare, namespace?: string): boolean {
    return [...this.#byNamespace].some(
      ([one, { names }]) =>
        (namespace ?? one) === one && budget.admits(one, names.size === 0 ? 0 : Math.min(...names.values())),
    );
  }

  #in(namespace: string | undefined): Omitted[] {
    return [...this.#byNamespace].flatMap(([one, left]) => ((namespace ?? one) === one ? [left] : []));
  }
}
