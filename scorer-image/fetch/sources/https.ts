/** https://HOST/PATH/FILE: downloaded, with retries, through redirects that stay on https and on allowed addresses. */
import { FAILURE, type ModelSource } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { interceptors, request, type Dispatcher } from 'undici';
import type { Egress } from '../../config.ts';
import { StartFailure } from '../../failure.ts';
import { confirmAddress, RefusedAddress, type Addresses } from '../addresses.ts';
import { agentOf } from './agent.ts';
import type { Credentials } from '../credentials.ts';
import { store, type Stored } from '../store.ts';

const MAX_ATTEMPTS = 4;
const MAX_REDIRECTS = 5;
/**
 * The response of a redirect's target is not reported, because the message could be used to scan the cluster's network.
 */
const REDIRECT_TARGET_FAILED = 'the host that the server redirects to did not give the file';

export interface Download extends Credentials {
  addresses: Addresses;
  egress: Egress;
  /** Path of the file to write. */
  path: string;
}

/** Retries responses that may be temporary: 429, 5xx, a broken connection. Rejects with StartFailure. */
export async function fetchHttps(
  { url }: Extract<ModelSource, { scheme: 'https' }>,
  { authorization, ca, addresses, egress, path }: Download,
): Promise<Stored> {
  const redirects: Redirects = { origin: new URL(url).origin, atOtherOrigin: false };
  const dispatcher = agentOf(egress, { ca, addresses }).compose(
    guard(addresses, redirects),
    interceptors.redirect({ maxRedirections: MAX_REDIRECTS }),
  );
  let problem = '';
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0) await sleep(500 * 2 ** attempt);
      const result = await attemptDownload(url, dispatcher, { authorization, path }).catch(failed);
      if (!('problem' in result)) return result;
      problem = redirects.atOtherOrigin && !result.refused ? REDIRECT_TARGET_FAILED : result.problem;
      if (result.final) break;
    }
  } finally {
    await dispatcher.close();
  }
  throw new StartFailure(FAILURE.resource, `${url.replace(/\?.*$/, '?…')} cannot be fetched: ${problem}`);
}

interface Failed {
  problem: string;
  /** Another attempt would end in the same way. */
  final: boolean;
  /** No request was sent. */
  refused: boolean;
}

function failed(error: unknown): Failed {
  const refused = error instanceof RefusedRedirect || error instanceof RefusedAddress;
  return { problem: reasonOf(error), final: refused, refused };
}

class RefusedRedirect extends Error {}

interface Redirects {
  /** Of the source. */
  origin: string;
  /** The last request went to another origin. */
  atOtherOrigin: boolean;
}

/** Every request of a download goes by https, and to no address that a source may not have. */
const guard =
  (addresses: Addresses, redirects: Redirects): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const { protocol, hostname, origin } = new URL(String(options.origin));
    redirects.atOtherOrigin = origin !== redirects.origin;
    if (protocol !== 'https:') throw new RefusedRedirect('the server redirects to an address that is not https');
    confirmAddress(hostname, addresses);
    return dispatch(options, handler);
  };

async function attemptDownload(
  url: string,
  dispatcher: Dispatcher,
  { authorization, path }: { authorization: string | undefined; path: string },
): Promise<Stored | Failed> {
  const response = await request(url, {
    dispatcher,
    headers: { 'user-agent': 'penstock-scorer', ...(authorization === undefined ? {} : { authorization }) },
  });
  if (response.statusCode === 200) return store(response.body, path);
  await response.body.dump();
  return {
    problem: `the server answered ${response.statusCode}`,
    final: response.statusCode < 500 && response.statusCode !== 429,
    refused: false,
  };
}

const UNTRUSTED_CERTIFICATE = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function reasonOf(error: unknown): string {
  const { message, code = '' } = error as { message?: string; code?: string };
  if (UNTRUSTED_CERTIFICATE.has(code))
    return 'its certificate is signed by an authority that is not known: put that authority into the key ca.crt of the Secret of source.secretRef';
  return message || code || String(error);
}
