/**
 * Changes of key Secrets. A watch would need the right to read every Secret, so the API server is asked for the
 * metadata of each key Secret by its name, in turn.
 */
import type { Key } from '@penstock/kube/api/keys';
import { isAborted, pause } from '@penstock/kube/client/signals';

/** The pauses of a round add up to this time, for at most 400 Secrets. */
const ROUND_MS = 8_000;
const MIN_INTERVAL_MS = 20;

export interface KeyChanges {
  keys: {
    /** The pipelines whose keys are known. */
    pipelines: () => Iterable<Key>;
    /** Asks the API server whether the Secret of a pipeline has changed since its keys were read. */
    hasChanged: (pipeline: Key) => Promise<boolean>;
  };
  onChange: (pipeline: Key) => void;
  onError: (error: unknown) => void;
  /** Waits; resolves early when the signal is aborted. */
  wait?: typeof pause;
}

/** Runs until the signal is aborted. A failed call is reported, and the Secret is looked at again in the next round. */
export async function followKeyChanges(
  { keys, onChange, onError, wait = pause }: KeyChanges,
  signal: AbortSignal,
): Promise<void> {
  while (!isAborted(signal)) {
    const round = [...keys.pipelines()];
    if (round.length === 0) await wait(ROUND_MS, signal);
    for (const pipeline of round) {
      await wait(Math.max(ROUND_MS / round.length, MIN_INTERVAL_MS), signal);
      if (isAborted(signal)) return;
      const changed = await keys.hasChanged(pipeline).catch((error: unknown) => {
        onError(error);
        return false;
      });
      if (changed) onChange(pipeline);
    }
  }
}
