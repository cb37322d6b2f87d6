/** `fetch` and `verify`: the two commands that bring models, and the only ones that see credentials. */
import { MOUNT, TERMINATION_MESSAGE_BYTES, type VerifiedModel } from '@penstock/contract';
import { writeFile } from 'node:fs/promises';
import type { FetchConfig } from './config.ts';
import { fetchItem } from './fetch/source.ts';
import { modelPath } from './load/modelPath.ts';
import { logger } from './logger.ts';

/** Fetches every item and checks its digest. */
export async function fetchAll(config: FetchConfig): Promise<void> {
  for (const item of config.items) {
    logger.info('fetched', { model: item.name, ...(await fetchItem(item, config)) });
  }
}

/** Fetches the one item, and leaves digest, size and (ONNX) signature in the termination message for the operator. */
export async function verify(config: FetchConfig): Promise<void> {
  const item = config.items[0]!;
  const { digest, sizeBytes } = await fetchItem(item, config);
  const result: VerifiedModel = { digest, sizeBytes };
  if (item.format === 'ONNX') {
    const { loadSession } = await import('./load/session.ts'); // 40 MB of native library, only where a model is looked into
    result.signature = (await loadSession(modelPath(config.modelsDir, item))).signature;
  }
  const text = JSON.stringify(result);
  // The kubelet keeps 4096 bytes: a model with very many inputs is registered without its signature.
  await writeFile(MOUNT.terminationLog, Buffer.byteLength(text) <= TERMINATION_MESSAGE_BYTES ? text : JSON.stringify({ digest, sizeBytes })).catch(() => undefined);
  logger.info('verified', { ...result });
}
