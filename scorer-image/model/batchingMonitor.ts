/**
 * Checks batched calls while a model serves: one in about a thousand is repeated call by call when the model is idle.
 */
import { bytesIn, difference, slice, type Feeds } from '../tensor/rows.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';

export interface Difference {
  /** Rows of the batched call. */
  rows: number;
  /** The first difference. */
  message: string;
}

const SAMPLE_INTERVAL = 1000;
/** Larger requests and results are not kept for a comparison. */
const MAX_SAMPLE_BYTES = 2 ** 20;
/** Checks for an idle model; after that the sample is compared between other calls. */
const MAX_IDLE_CHECKS = 200;
const IDLE_CHECK_MS = 25;

interface Sample {
  calls: readonly Call[];
  results: Feeds;
}

export class BatchingMonitor {
  readonly #session: Session;
  readonly #onDifference: (difference: Difference) => void;
  /** The first batched call is a sample, so that a model that mixes rows is noticed early. */
  #callsLeft = 1;
  #sample: Sample | undefined;
  #busy = false;

  constructor(session: Session, onDifference: (difference: Difference) => void) {
    this.#session = session;
    this.#onDifference = onDifference;
  }

  /** Records a batched call that was answered. */
  record(calls: readonly Call[], results: Feeds): void {
    this.#callsLeft -= 1;
    if (
      this.#callsLeft > 0 ||
      this.#sample ||
      calls.reduce((sum, { feeds }) => sum + bytesIn(feeds), bytesIn(results)) > MAX_SAMPLE_BYTES
    )
      return;
    this.#callsLeft = Math.ceil(SAMPLE_INTERVAL * (0.5 + Math.random()));
    this.#sample = {
      calls,
      results: Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
      ),
    };
  }

  /** No call waits for the model now. `still`: whether that is so later. */
  checkWhenIdle(still: () => boolean): void {
    if (!this.#sample || this.#busy) return;
    this.#busy = true;
    const sample = this.#sample;
    setTimeout(
      () =>
        void this.#check(sample, still).finally(() => {
          this.#sample = undefined;
          this.#busy = false;
        }),
      IDLE_CHECK_MS,
    ).unref();
  }

  async #check({ calls, results }: Sample, still: () => boolean): Promise<void> {
    let from = 0;
    for (const { feeds, outputs, rows } of calls) {
      for (let pauses = 0; !still() && pauses < MAX_IDLE_CHECKS; pauses++)
        await new Promise((resolve) => setTimeout(resolve, IDLE_CHECK_MS).unref());
      const alone = await this.#session.run(feeds, [...outputs]).catch(() => undefined);
      const message = alone && difference(slice(results, from, from + rows), alone);
      from += rows;
      if (message === undefined) continue;
      this.#onDifference({ rows: calls.reduce((sum, call) => sum + call.rows, 0), message });
      break;
    }
  }
}
