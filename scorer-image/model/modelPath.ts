/** The path of a fetched model. */
import { FAILURE, type MountedModel } from '@penstock/contract';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StartFailure } from '../failure.ts';

/**
 * The model's only file; of several files the one that ends in .onnx (the others are its external data); for format
 * Files the folder. Throws StartFailure.
 */
export function modelPath(
  modelsDir: string,
  { name, file, format }: Pick<MountedModel, 'name' | 'file' | 'format'>,
): string {
  const folder = join(modelsDir, name);
  if (file !== undefined) return join(folder, file);
  if (format === 'Files') return folder;
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const files = entries.filter((entry) => entry.isFile()).map(({ name: file }) => file);
  const models = files.length === 1 ? files : files.filter((one) => one.endsWith('.onnx'));
  if (models.length !== 1)
    throw new StartFailure(
      FAILURE.modelLoad,
      `of several files exactly one must end in .onnx, the others are its external data; there ${models.length === 0 ? 'is none' : `are ${models.join(', ')}`}`,
    );
  return join(folder, models[0]!);
}
