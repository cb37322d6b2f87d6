/** The commands `fetch` and `verify`, which download models. Only their containers mount credentials. */
import {
  MOUNT,
  TERMINATION_MESSAGE_BYTES,
  type ModelSignature,
  type TensorSignature,
  type VerifiedModel,
} from '@penstock/contract';
import { writeFile } from 'node:fs/promises';
import type { FetchConfig } from './config.ts';
import { fetchItem } from './fetch/fetchItem.ts';
import { modelPath } from './model/modelPath.ts';
import { logger } from './logger.ts';

/** Fetches every model and checks its digest. */
export async function fetchAll(config: FetchConfig): Promise<void> {
  for (const item of config.items) {
    logger.info('fetched', { model: item.name, ...(await fetchItem(item, config)) });
  }
}

/** Fetches one model. Writes its digest, size and, for ONNX, its signature to the termination log, for the operator. */
export async function verify(config: FetchConfig): Promise<void> {
  const item = config.items[0]!;
  const { digest, sizeBytes } = await fetchItem(item, config);
  const { inspect } = await import('./model/inspect.ts');
  const result: VerifiedModel = {
    digest,
    sizeBytes,
    ...(item.format === 'ONNX' && (await inspect(modelPath(config.modelsDir, item)))),
  };
  await writeFile(MOUNT.terminationLog, shortened(result)).catch(() => undefined);
  logger.info('verified', { ...result });
}

/**
 * The kubelet keeps 4096 bytes of the termination log: names of features and classes, then the signature, are left out
 * where they do not fit.
 */
function shortened(result: VerifiedModel): string {
  const { signature, ...short } = result;
  const plain = ({ inputs, outputs }: ModelSignature): ModelSignature => ({
    inputs: inputs.map(unnamed),
    outputs: outputs.map(unnamed),
  });
  const texts = [result, { ...short, ...(signature && { signature: plain(signature) }) }, short].map((one) =>
    JSON.stringify(one),
  );
  return texts.find((text) => Buffer.byteLength(text) <= TERMINATION_MESSAGE_BYTES)!;
}

const unnamed = ({ name, datatype, shape }: TensorSignature): TensorSignature => ({ name, datatype, shape });
