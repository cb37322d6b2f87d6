/** Fetches the files of one model into its folder and checks their digest. */
import { FAILURE, parseModelSource, type FetchItem } from '@penstock/contract';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchConfig } from '../config.ts';
import { StartFailure } from '../failure.ts';
import { readCredentials } from './credentials.ts';
import { fetchClaim } from './sources/claim.ts';
import { fetchConfigMap } from './sources/configMap.ts';
import { fetchHttps } from './sources/https.ts';
import type { Stored } from './store.ts';

/** Rejects with StartFailure; for a wrong digest the message names both. */
export async function fetchItem(item: FetchItem, config: FetchConfig): Promise<Stored> {
  const folder = join(config.modelsDir, item.name);
  await rm(folder, { recursive: true, force: true }); // of an attempt before this one
  await mkdir(folder, { recursive: true });
  const fetched = await fetchSource(item, config, folder);
  if (item.digest === undefined || fetched.digest === item.digest) return fetched;
  throw new StartFailure(
    FAILURE.digest,
    `${withoutQuery(item.uri)} has ${fetched.digest}, expected ${item.digest}: the bytes changed; register them as another ModelVersion, or put the old ones back`,
  );
}

function fetchSource(item: FetchItem, config: FetchConfig, folder: string): Promise<Stored> {
  const source = parseModelSource(item.uri);
  switch (source?.scheme) {
    case 'configmap':
      return fetchConfigMap(item.uri, source, { mounted: join(config.sourcesDir, item.name), folder });
    case 'pvc':
      return fetchClaim(item.uri, source, { mounted: join(config.sourcesDir, item.name), folder });
    case 'https': {
      const credentials = readCredentials(join(config.credentialsDir, item.name));
      return fetchHttps(source, {
        ...credentials,
        addresses: config.addresses,
        egress: config.egress,
        path: join(folder, item.file ?? source.fileName),
      });
    }
    case undefined:
      throw new StartFailure(FAILURE.resource, `${withoutQuery(item.uri)} is no source of a supported scheme`);
  }
}

/** The query of a URL may hold a signature that grants access: it is not logged. */
const withoutQuery = (uri: string): string => uri.replace(/\?.*$/, '?…');
