/** One ONNX model as a predictor. */
import type { Session } from '../model/session.ts';
import { BadInput } from '../tensor/errors.ts';
import { LARGE_BYTES, LargeResponses } from './largeResponses.ts';
import type { Predictor } from './predictor.ts';

const large = new LargeResponses();

/**
 * `maxQueueWaitMs`: how long a request waits for the memory of a large response. The tensors must have the names,
 * datatypes and shapes of the session's signature.
 */
export function onnxPredictor(session: Session, maxQueueWaitMs: number): Predictor {
  const names = session.signature.outputs.map(({ name }) => name);
  return {
    predict: async ({ tensors, outputs = names }) => {
      const held = reserveMemory(session, tensors[0]?.shape[0] ?? 1, maxQueueWaitMs);
      const release = held && (await held);
      try {
        const results = await session.run(Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor])), outputs);
        return { outputs: outputs.map((name) => ({ name, ...results[name]! })), release };
      } catch (error) {
        release?.();
        throw asClientError(error);
      }
    },
  };
}

/** Waits for memory where the model has large results. Resolves with the function that releases it. */
function reserveMemory(session: Session, rows: number, waitMs: number): Promise<() => void> | undefined {
  const expected = session.resultBytes?.(rows) ?? 0;
  return expected < LARGE_BYTES ? undefined : large.reserve(expected, waitMs);
}

/**
 * With open dimensions only the model itself can tell that shapes or values do not fit: that is the client's mistake.
 */
function asClientError(error: unknown): unknown {
  const byModel =
    error instanceof Error &&
    /Non-zero status code returned while running|invalid dimensions|Invalid rank/i.test(error.message);
  return byModel
    ? new BadInput('the model cannot run on this input: its dimensions or values do not fit together')
    : error;
}
