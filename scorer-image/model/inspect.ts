/** What a verification finds out about an ONNX model. */
import { FAILURE, type VerifiedModel } from '@penstock/contract';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartFailure } from '../failure.ts';
import { declaredSignature, described, SignatureError } from '../onnx/describe.ts';
import type { GraphOnly } from '../onnx/graphFile.ts';
import { rowsOf } from '../rows/follow.ts';

/**
 * A larger model (with all files beside it) is not loaded for verification, because ONNX Runtime needs a multiple of
 * its size.
 */
const LOADED_BYTES = 96 * 2 ** 20;

export type Inspected = Pick<VerifiedModel, 'signature' | 'rows' | 'rowsMessage'>;

/** Loads a small model; reads only the graph of a large one. Rejects with StartFailure. */
export async function inspect(path: string): Promise<Inspected> {
  const { graphOf, loadSession } = await import('./session.ts'); // loads 40 MB of native library
  const bytes = readdirSync(dirname(path)).reduce((sum, name) => sum + statSync(join(dirname(path), name)).size, 0);
  const { signature, rows } = bytes <= LOADED_BYTES ? await loadSession(path) : ofGraph(graphOf(path));
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
