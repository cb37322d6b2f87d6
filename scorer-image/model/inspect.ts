/** What a verification finds out about an ONNX model. */
import { FAILURE, type VerifiedModel } from '@penstock/contract';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartFailure } from '../failure.ts';
import { declaredSignature, described, SignatureError } from '../onnx/describe.ts';
import type { GraphOnly } from '../onnx/graphFile.ts';
import { rowsOf } from '../rows/follow.ts';

/** What the process and ONNX Runtime take without a model (bytes), and how many times its size a loaded model takes. */
const BASE_BYTES = 128 * 2 ** 20;
const MEMORY_PER_MODEL = 4;

/** Whether a model of so many bytes, with all files beside it, can be loaded in this memory. */
export const fitsInto = (memoryBytes: number, modelBytes: number): boolean =>
  MEMORY_PER_MODEL * modelBytes <= memoryBytes - BASE_BYTES;

export type Inspected = Pick<VerifiedModel, 'signature' | 'rows' | 'rowsMessage'>;

/**
 * Loads a model (with all files beside it) that fits into this memory, and reads only the graph of a larger one.
 * Rejects with StartFailure.
 */
export async function inspect(path: string, memoryBytes: number): Promise<Inspected> {
  const { graphOf, loadSession } = await import('./session.ts'); // loads 40 MB of native library
  const bytes = readdirSync(dirname(path)).reduce((sum, name) => sum + statSync(join(dirname(path), name)).size, 0);
  const { signature, rows } = fitsInto(memoryBytes, bytes) ? await loadSession(path) : ofGraph(graphOf(path));
  return { signature, rows: rows.rows, rowsMessage: rows.message };
}

function ofGraph(graph: GraphOnly): {
  signature: NonNullable<VerifiedModel['signature']>;
  rows: ReturnType<typeof rowsOf>;
} {
  try {
    return { signature: described(declaredSignature(graph), graph), rows: rowsOf(graph) };
  } catch (error) {
    throw error instanceof SignatureError ? new StartFailure(FAILURE.modelLoad, error.message) : error;
  }
}
