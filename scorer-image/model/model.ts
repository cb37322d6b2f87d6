/** An ONNX model ready for requests: loaded, warm, and its calls joined where that changes no answer. */
import { FAILURE, type ModelSignature, type MountedModel } from '@penstock/contract';
import { StartFailure } from '../failure.ts';
import { batching } from './batching.ts';
import { probe } from './probe.ts';
import type { Session } from './session.ts';

export interface ModelOptions {
  /** Of ONNX Runtime, within one call. */
  threads: number;
  /** Rows of several requests in one call at most; 1: each request by itself. */
  maxBatchSize: number;
  /** Join calls of a model whose rows are not known to be independent, since the user said so. */
  joinUnknown: boolean;
  onBatch: (rows: number) => void;
  /** Joining was ended, with the reason in one sentence. */
  onDisabled: (message: string) => void;
}

export interface OpenedModel {
  session: Session;
  /** Whether requests share its calls. */
  joined: boolean;
  /** Why, in one sentence. */
  note: string;
}

/** Loads and warms a model. Throws StartFailure. */
export async function openModel(
  { name, features }: Pick<MountedModel, 'name' | 'features'>,
  path: string,
  { threads, maxBatchSize, joinUnknown, onBatch, onDisabled }: ModelOptions,
): Promise<OpenedModel> {
  const { loadSession } = await import('./session.ts'); // the native library: a script that opens no model does without
  const loaded = await loadSession(path, threads);
  const session = features ? { ...loaded, signature: named(loaded.signature, features) } : loaded;
  const { rows, message } = session.rows;
  const { verdict, message: seen, bytesPerRow } = await probe(session, session.graph.graph);
  const allowed = rows === 'Independent' || (rows === 'Unknown' && joinUnknown);
  const joined = allowed && verdict === 'same' && maxBatchSize > 1;
  const onDifference = (difference: { rows: number; message: string }): void =>
    onDisabled(
      `model ${name} answered otherwise when ${difference.rows} rows shared a call: ${difference.message}. From now on it runs request by request (its rows: ${rows}, ${message})`,
    );
  const why = !allowed ? `its rows are ${rows}: ${message}` : verdict !== 'same' ? seen : 'scoring.maxBatchSize is 1';
  return {
    session: batching({ session, maxBatchSize: joined ? maxBatchSize : 1, bytesPerRow, onBatch, onDifference }),
    joined,
    note: joined
      ? `rows of requests that come together may share calls of model ${name}, up to ${maxBatchSize}`
      : `model ${name} runs request by request: ${why}`,
  };
}

/** The signature with the names that the ModelVersion gives the features of the one input. */
function named({ inputs, outputs }: ModelSignature, features: string[]): ModelSignature {
  const [input, ...more] = inputs;
  const columns = input?.shape[1] ?? 0;
  if (!input || more.length > 0 || (columns !== -1 && columns !== features.length))
    throw new StartFailure(
      FAILURE.modelLoad,
      `spec.features of the ModelVersion has ${features.length} names; the model has ${more.length > 0 ? `${inputs.length} inputs` : `${columns} columns`}`,
    );
  return { inputs: [{ ...input, features }], outputs };
}
