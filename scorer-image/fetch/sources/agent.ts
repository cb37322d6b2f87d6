/** Connections of downloads: through a proxy or without, with the authorities and addresses that are allowed. */
import { rootCertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent } from 'undici';
import type { Egress } from '../../config.ts';
import { guardedLookup, type Addresses } from '../addresses.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

/**
 * Behind a proxy, the proxy resolves host names, so only addresses in URLs are checked here. Authorities of the chart
 * are trusted beside those of Node; that of a source's Secret is trusted alone.
 */
export function agentOf(
  { httpsProxy, noProxy = '', caBundle }: Egress,
  { ca, addresses }: { ca?: string | undefined; addresses: Addresses },
): Agent | EnvHttpProxyAgent {
  const authorities = ca ?? (caBundle === undefined ? undefined : [...rootCertificates, caBundle]);
  const tls = { timeout: CONNECT_TIMEOUT_MS, ...(authorities === undefined ? {} : { ca: authorities }) };
  const options = {
    connect: { ...tls, lookup: guardedLookup(addresses) },
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  };
  return httpsProxy === undefined
    ? new Agent(options)
    : new EnvHttpProxyAgent({ ...options, httpsProxy, noProxy, requestTls: tls });
}
