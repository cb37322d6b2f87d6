/** Objects of one kind for which their namespace has no room in the cache, by namespace. Pure. */
import type { FairShare } from '../queue/fairShare.ts';

/** So many are known by name; that there are more is known until the next list. */
const MAX_NAMES = 1_000;

interface Omitted {
  /** Bytes by name. */
  names: Map<string, number>;
  /** Whether there are more than these: as the last list said, or as one that is under way has said so far. */
  more: 'no' | 'before' | 'now';
}

export class OmittedObjects {
  readonly #byNamespace = new Map<string, Omitted>();

  /** Notes an object that takes so many bytes. */
  add(namespace: string, name: string, bytes: number): void {
    const left = this.#byNamespace.get(namespace) ?? { names: new Map<string, number>(), more: 'no' as const };
    this.#byNamespace.set(namespace, left);
    if (left.names.size < MAX_NAMES || left.names.has(name)) left.names.set(name, bytes);
    else left.more = 'now';
  }

  /** For an object that was deleted, or found room. */
  remove(namespace: string, name: string): void {
    const left = this.#byNamespace.get(namespace);
    left?.names.delete(name);
    if (left?.names.size === 0 && left.more === 'no') this.#byNamespace.delete(namespace);
  }

  /** A list of `namespace`, or of all, begins: it tells of all there are. */
  listBegins(namespace?: string): void {
    for (const left of this.#in(namespace)) if (left.more === 'now') left.more = 'before';
  }

  /** The list is complete, and `listed` says whether it had that object: what it had not is gone. */
  listEnds(listed: (namespace: string, name: string) => boolean, namespace?: string): void {
    for (const [one, left] of [...this.#byNamespace].filter(([of]) => (namespace ?? of) === of)) {
      if (left.more === 'before') left.more = 'no';
      for (const name of ['', ...left.names.keys()]) if (!listed(one, name)) this.remove(one, name);
    }
  }

  /** Names in a namespace, at most {@link MAX_NAMES}; '…' where none of them is known. */
  names(namespace: string): string[] {
    const left = this.#byNamespace.get(namespace);
    return left && left.names.size === 0 ? ['…'] : [...(left?.names.keys() ?? [])];
  }

  /** Whether one of them, in `namespace` or in any, would find room now. */
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
