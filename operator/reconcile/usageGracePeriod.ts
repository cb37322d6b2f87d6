/** For how long each pipeline has waited for its models to be marked as in use: a moment is not worth a status, more is. */
import { ModelUsageNotRecorded, type Key } from '../api/flow.ts';

export const USAGE_GRACE_MS = 5_000;

export class UsageGracePeriod {
  readonly #since = new Map<Key, number>();

  /** True while `blocked` is a Marking that has not lasted longer than a mark should take. */
  contains(pipeline: Key, blocked: Error | undefined, now: number): boolean {
    if (!(blocked instanceof ModelUsageNotRecorded)) {
      this.#since.delete(pipeline);
      return false;
    }
    const since = this.#since.get(pipeline) ?? now;
    this.#since.set(pipeline, since);
    return now - since < USAGE_GRACE_MS;
  }

  /** For a pipeline that is gone. */
  forget(pipeline: Key): void {
    this.#since.delete(pipeline);
  }
}
