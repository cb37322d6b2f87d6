/** An ONNX model that is ready for requests: loaded, warmed up, and batched where that changes no result. */
import { FAILURE, type ModelSignature, type MountedModel } from '@penstock/contract';
import { StartFailure } from '../failure.ts';
import { batching } from './batching.ts';
import { probe } from './probe.ts';
import type { Session } from './session.ts';

export interface ModelOptions {
  /** Threads of ONNX Runtime within one call. */
  threads: number;
  /** Maximum rows of several requests in one call; 1: each request runs alone. */
  maxBatchSize: number;
  /** Batch calls of a model whose rows are not proven independent, because the user set maxBatchSize. */
  joinUnknown: boolean;
  onBatch: (rows: number) => void;
  /** Batching was switched off, with the reason in one sentence. */
  onDisabled: (message: string) => void;
}

export interface OpenedModel {
  session: Session;
  /** Whether calls are batched. */
  joined: boolean;
  /** Why, in one sentence. */
  note: string;
}

/** Loads and warms up a model. Rejects with StartFailure. */
export async function openModel(
  { name, features }: Pick<MountedModel, 'name' | 'features'>,
  path: string,
  { threads, maxBatchSize, joinUnknown, onBatch, onDisabled }: ModelOptions,
): Promise<OpenedModel> {
  // loads the native library, which a script without models does not need
  const { loadSession } = await import('./session.ts');
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
  const whyNot = (): string => {
    if (!allowed) return `its rows are ${rows}: ${message}`;
    return verdict === 'same' ? 'scoring.maxBatchSize is 1' : seen;
  };
  return {
    session: batching({ session, maxBatchSize: joined ? maxBatchSize : 1, bytesPerRow, onBatch, onDifference }),
    joined,
    note: joined
      ? `rows of requests that come together may share calls of model ${name}, up to ${maxBatchSize}`
      : `model ${name} runs request by request: ${whyNot()}`,
  };
}

/** The signature with the feature names of the ModelVersion. */
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
