/** How many pipelines get a new scorer image at the same time. Of the leader alone, and empty after a restart. */
import type { Key } from '@penstock/kube/api/keys';
import type { Plan } from '../api/plan.ts';

export class RefreshSlots {
  readonly #most: number;
  readonly #onFree: (pipeline: Key) => void;
  readonly #running = new Set<Key>();
  readonly #waiting = new Set<Key>();

  /** `onFree` is called with a pipeline that waits, when there is a slot for it. */
  constructor(most: number, onFree: (pipeline: Key) => void) {
    this.#most = most;
    this.#onFree = onFree;
  }

  /** Whether a pipeline may begin, or go on. */
  has(pipeline: Key): boolean {
    return this.#running.has(pipeline) || this.#running.size < this.#most;
  }

  /** What the pipeline does from now on. */
  set(pipeline: Key, refresh: Plan['refresh']): void {
    this.#waiting.delete(pipeline);
    const freed = this.#running.delete(pipeline) && refresh !== 'running';
    if (refresh === 'running') this.#running.add(pipeline);
    if (refresh === 'waiting') this.#waiting.add(pipeline);
    const [next] = this.#waiting;
    if (freed && next !== undefined) this.#onFree(next);
  }
}
