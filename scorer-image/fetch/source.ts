/** Brings one model's bytes to disk, hashing on the way: out of a mounted ConfigMap (one key or all), or by https. */
import { FAILURE, type FetchItem } from '@penstock/contract';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, interceptors, request, type Dispatcher } from 'undici';
import type { FetchConfig } from '../config.ts';
import { StartFailure } from '../failure.ts';
import { confirmAddress, guardedLookup, RefusedAddress, type Addresses } from './addresses.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 4;
const MAX_REDIRECTS = 5;

export interface Fetched {
  digest: string;
  sizeBytes: number;
}

/** Fetches and checks one item; on a wrong digest the failure names both. */
export async function fetchItem(item: FetchItem, config: FetchConfig): Promise<Fetched> {
  const folder = join(config.modelsDir, item.name);
  await rm(folder, { recursive: true, force: true }); // what an attempt before this one has left
  await mkdir(folder, { recursive: true });
  const fetched = await save(item, config, folder);
  if (item.digest !== undefined && fetched.digest !== item.digest) {
    throw new StartFailure(
      FAILURE.digest,
      `${withoutQuery(item.uri)} has ${fetched.digest}, expected ${item.digest}: the bytes changed; register them as another ModelVersion, or put the old ones back`,
    );
  }
  return fetched;
}

async function save(item: FetchItem, config: FetchConfig, folder: string): Promise<Fetched> {
  const mounted = join(config.sourcesDir, item.name);
  if (item.file === undefined) return saveAll(item, mounted, folder);
  const path = join(folder, item.file);
  if (!item.uri.startsWith('configmap://'))
    return download(
      item,
      { ...credentials(join(config.credentialsDir, item.name)), addresses: config.addresses },
      path,
    );
  if (!existsSync(join(mounted, item.file)))
    throw new StartFailure(FAILURE.resource, `${item.uri} is not there: the ConfigMap or its key is missing`);
  return store(createReadStream(join(mounted, item.file)), path);
}

/** All keys of a ConfigMap. The digest is that of the lines "<sha256>  <name>\n", as sha256sum prints them, sorted by name bytewise. */
async function saveAll({ uri }: FetchItem, mounted: string, folder: string): Promise<Fetched> {
  const names = (existsSync(mounted) ? readdirSync(mounted) : []).filter((name) => !name.startsWith('..')).sort(); // keys are ASCII
  if (names.length === 0)
    throw new StartFailure(FAILURE.resource, `${uri} is not there: the ConfigMap is missing, or empty`);
  const files: Fetched[] = [];
  for (const name of names) files.push(await store(createReadStream(join(mounted, name)), join(folder, name)));
  const lines = files.map(({ digest }, i) => `${digest.slice('sha256:'.length)}  ${names[i]}\n`).join('');
  return {
    digest: `sha256:${createHash('sha256').update(lines).digest('hex')}`,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function store(bytes: Readable, path: string): Promise<Fetched> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(bytes, count, createWriteStream(path));
  await chmod(path, 0o444);
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

interface Credentials {
  authorization?: string;
  ca?: string;
}

/** The mounted Secret: token, or username and password; ca.crt. Present but empty is a Secret that does not exist. */
function credentials(folder: string): Credentials {
  if (!existsSync(folder)) return {};
  const read = (key: string): string | undefined =>
    existsSync(join(folder, key)) ? readFileSync(join(folder, key), 'utf8').trim() : undefined;
  if (readdirSync(folder).every((name) => name.startsWith('..')))
    throw new StartFailure(
      FAILURE.resource,
      'the Secret of source.secretRef does not exist in this namespace, or is empty',
    );
  const [token, username, password, ca] = [read('token'), read('username'), read('password'), read('ca.crt')];
  for (const [key, value] of Object.entries({ token, username, password })) {
    if (/[\r\n]/.test(value ?? ''))
      throw new StartFailure(
        FAILURE.resource,
        `the key ${key} of the Secret of source.secretRef has a line break in it, which no header can carry`,
      );
  }
  const authorization =
    token !== undefined
      ? `Bearer ${token}`
      : username !== undefined
        ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
        : undefined;
  return { ...(authorization === undefined ? {} : { authorization }), ...(ca === undefined ? {} : { ca }) };
}

/** Tries a few times: an answer that may pass (429, 5xx, a cut connection) is not the user's fault. */
async function download(
  item: FetchItem,
  { authorization, ca, addresses }: Credentials & { addresses: Addresses },
  path: string,
): Promise<Fetched> {
  const hops: Hops = { first: new URL(item.uri).origin, atOtherOrigin: false };
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(addresses), ...(ca === undefined ? {} : { ca }) },
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  }).compose(guard(addresses, hops), interceptors.redirect({ maxRedirections: MAX_REDIRECTS }));
  let problem = '';
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0) await sleep(500 * 2 ** attempt);
      const got = await attemptDownload(item.uri, dispatcher, authorization, path).catch((error: unknown) =>
        failed(error),
      );
      if (!('problem' in got)) return got;
      problem = hops.atOtherOrigin && !got.refused ? REDIRECT_TARGET_FAILED : got.problem;
      if (got.final) break;
    }
  } finally {
    await dispatcher.close();
  }
  throw new StartFailure(FAILURE.resource, `${withoutQuery(item.uri)} cannot be fetched: ${problem}`);
}

interface Failed {
  problem: string;
  /** Another try would end in the same way. */
  final: boolean;
  /** It was not asked at all. */
  refused: boolean;
}

function failed(error: unknown): Failed {
  const refused = error instanceof RefusedRedirect || error instanceof RefusedAddress;
  return { problem: reasonOf(error), final: refused, refused };
}

class RefusedRedirect extends Error {}

/** Where a download has been led. */
interface Hops {
  first: string;
  /** The last hop was to another origin than the source's. */
  atOtherOrigin: boolean;
}

/** What another host answers is not told: a message that says it would be a scanner of the cluster's network. */
const REDIRECT_TARGET_FAILED = 'the host that the server redirects to did not give the file';

/** The bytes of an https source come by https from hop to hop, and from no address that a source may not have. */
const guard =
  (addresses: Addresses, hops: Hops): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const { protocol, hostname, origin } = new URL(String(options.origin));
    hops.atOtherOrigin = origin !== hops.first;
    if (protocol !== 'https:') throw new RefusedRedirect('the server redirects to an address that is not https');
    confirmAddress(hostname, addresses);
    return dispatch(options, handler);
  };

async function attemptDownload(
  uri: string,
  dispatcher: Dispatcher,
  authorization: string | undefined,
  path: string,
): Promise<Fetched | Failed> {
  const answer = await request(uri, {
    dispatcher,
    headers: { 'user-agent': 'penstock-scorer', ...(authorization === undefined ? {} : { authorization }) },
  });
  if (answer.statusCode === 200) return store(answer.body, path);
  await answer.body.dump();
  return {
    problem: `the server answered ${answer.statusCode}`,
    final: answer.statusCode < 500 && answer.statusCode !== 429,
    refused: false,
  };
}

/** A query may hold a signature that opens the store: it is not for logs. */
const withoutQuery = (uri: string): string => uri.replace(/\?.*$/, '?…');

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function reasonOf(error: unknown): string {
  const { message, code = '' } = error as { message?: string; code?: string };
  if (UNTRUSTED.has(code))
    return 'its certificate is signed by an authority that is not known: put that authority into the key ca.crt of the Secret of source.secretRef';
  return message || code || String(error);
}
