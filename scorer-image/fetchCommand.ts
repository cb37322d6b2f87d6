/** The commands `fetch` and `verify`, which download models. Only their containers mount credentials. */
import { MOUNT, TERMINATION_MESSAGE_BYTES, terminationText, type VerifiedModel } from '@penstock/contract';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchConfig } from './config.ts';
import { fetchItem } from './fetch/fetchItem.ts';
import { modelPath } from './model/modelPath.ts';
import { logger } from './logger.ts';
import { WORKER_PACKAGE } from './run/pythonProcess.ts';

/** Fetches every model and checks its digest. For a script in Python, it brings the package that runs it, too. */
export async function fetchAll(config: FetchConfig): Promise<void> {
  if (config.workerPackage !== undefined)
    await cp(WORKER_PACKAGE.folder, join(config.workerPackage, WORKER_PACKAGE.name), { recursive: true });
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
    ...(item.format === 'ONNX' && (await inspect(modelPath(config.modelsDir, item), config.memoryBytes))),
  };
  await writeFile(MOUNT.terminationLog, terminationText(result, TERMINATION_MESSAGE_BYTES)).catch(() => undefined);
  logger.info('verified', { ...result });
}
