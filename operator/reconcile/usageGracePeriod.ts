/**
 * How long each pipeline has waited until its models are recorded as in use. A short wait is not written to the status.
 */
import { ModelUsageNotRecorded } from '../api/flow.ts';
import type { Key } from '@penstock/kube/api/keys';

export const USAGE_GRACE_MS = 5_000;

export class UsageGracePeriod {
  readonly #since = new Map<Key, number>();

  /** True while `blocked` is a ModelUsageNotRecorded that has lasted less than the grace period. */
  contains(pipeline: Key, blocked: Error | undefined, now: number): boolean {
    if (!(blocked instanceof ModelUsageNotRecorded)) {
      this.#since.delete(pipeline);
      return false;
    }
    const since = this.#since.get(pipeline) ?? now;
    this.#since.set(pipeline, since);
    return now - since < USAGE_GRACE_MS;
  }

  /** Forgets a deleted pipeline. */
  forget(pipeline: Key): void {
    this.#since.delete(pipeline);
  }
}
