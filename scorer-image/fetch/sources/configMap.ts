/** configmap://NAME[/KEY]: copied from the mounted ConfigMap. */
import { FAILURE, type ModelSource } from '@penstock/contract';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StartFailure } from '../../failure.ts';
import { combined, store, type Stored } from '../store.ts';

interface Folders {
  /** Where the ConfigMap is mounted. */
  mounted: string;
  /** Where the files go. */
  folder: string;
}

/** Copies one key, or all of them. Rejects with StartFailure. */
export function fetchConfigMap(
  uri: string,
  { key }: Extract<ModelSource, { scheme: 'configmap' }>,
  folders: Folders,
): Promise<Stored> {
  return key === undefined ? fetchAllKeys(uri, folders) : fetchKey(uri, key, folders);
}

async function fetchKey(uri: string, key: string, { mounted, folder }: Folders): Promise<Stored> {
  if (!existsSync(join(mounted, key)))
    throw new StartFailure(FAILURE.resource, `${uri} is not there: the ConfigMap or its key is missing`);
  return store(createReadStream(join(mounted, key)), join(folder, key));
}

/** Keys are ASCII, so this order is the bytewise one. */
async function fetchAllKeys(uri: string, { mounted, folder }: Folders): Promise<Stored> {
  const names = (existsSync(mounted) ? readdirSync(mounted) : []).filter((name) => !name.startsWith('..')).sort();
  if (names.length === 0)
    throw new StartFailure(FAILURE.resource, `${uri} is not there: the ConfigMap is missing, or empty`);
  const files: (Stored & { name: string })[] = [];
  for (const name of names)
    files.push({ name, ...(await store(createReadStream(join(mounted, name)), join(folder, name))) });
  return combined(files);
}
