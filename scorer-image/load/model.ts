/** An ONNX model ready for requests: loaded, warm, and its calls joined where they may be. */
import { batching, rowsAreIndependent } from './batching.ts';
import type { Session } from './session.ts';

export interface ModelOptions {
  /** Of ONNX Runtime, within one call. */
  threads: number;
  /** Rows of several requests in one call at most; 1: each request by itself. */
  maxBatchSize: number;
  onBatch: (rows: number) => void;
}

/** Loads and warms a model; `joined` tells whether requests share its calls. */
export async function openModel(path: string, { threads, maxBatchSize, onBatch }: ModelOptions): Promise<{ session: Session; joined: boolean }> {
  const { loadSession } = await import('./session.ts'); // the native library: a script that opens no model does without
  const session = await loadSession(path, threads);
  const joined = (await rowsAreIndependent(session)) && maxBatchSize > 1;
  return { session: batching({ session, maxBatchSize: joined ? maxBatchSize : 1, onBatch }), joined };
}
