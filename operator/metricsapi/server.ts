/**
 * custom.metrics.k8s.io over TLS, for the API server's aggregator alone: it has authenticated and authorized whoever
 * asks, and proves itself by the front-proxy client certificate. Every replica serves it.
 */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Stored } from '../api/objects.ts';
import type { Scorers } from '../scorers/stats.ts';
import { failure, GROUP_VERSION, isMetric, metricValueList, resourceList } from './answers.ts';
import type { TlsIdentity } from './identity.ts';
import { labelSelector } from './selector.ts';

const MOST_AT_ONCE = 64;
/** The API servers keep a few connections each. A connection that has not said who it is costs 25 KiB. */
const MOST_CONNECTIONS = 256;
const HANDSHAKE_MS = 5_000;
const PODS = new RegExp(`^/apis/${GROUP_VERSION}/namespaces/([a-z0-9.-]+)/pods/([a-z0-9.*-]+)/([a-z0-9_]+)$`);

export interface MetricsServerDeps {
  scorers: Scorers;
  pods: () => Iterable<Stored<Pod>>;
  identity: TlsIdentity;
}

/** A server that has yet to listen. */
export function metricsServer({ scorers, pods, identity }: MetricsServerDeps): Server {
  let atOnce = 0;
  const server = createServer({ ...identity.options, handshakeTimeout: HANDSHAKE_MS, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 1000 }, (request, response) => {
    request.resume();
    if (!identity.mayAsk((request.socket as TLSSocket).getPeerCertificate().subject.CN as string)) return send(response, 403, failure(403, 'Forbidden', 'only the API server may ask here, by its front-proxy client certificate'));
    if (atOnce >= MOST_AT_ONCE) return send(response.setHeader('retry-after', '1'), 429, failure(429, 'TooManyRequests', 'too many requests at once'));
    atOnce += 1;
    response.once('close', () => (atOnce -= 1));
    answer(request, { scorers, pods }).then(({ code, body }) => send(response, code, body), (error: unknown) => send(response, 500, failure(500, 'InternalError', error instanceof Error ? error.message : String(error))));
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function answer({ method, url = '' }: IncomingMessage, { scorers, pods }: Pick<MetricsServerDeps, 'scorers' | 'pods'>): Promise<{ code: number; body: object }> {
  const [pathname = '', query = ''] = url.split('?', 2); // as it is: what a URL parser makes of dots and escapes may be another namespace than was authorized
  const searchParams = new URLSearchParams(query);
  if (method !== 'GET') return { code: 405, body: failure(405, 'MethodNotAllowed', 'metrics can only be read') };
  if (pathname === `/apis/${GROUP_VERSION}`) return { code: 200, body: resourceList() };
  const [, namespace, name, metric] = PODS.exec(pathname.replaceAll('%2A', '*')) ?? [];
  if (namespace === undefined || metric === undefined || !isMetric(metric)) return { code: 404, body: failure(404, 'NotFound', `there is no metric at ${pathname}: those of pods are at /apis/${GROUP_VERSION}/namespaces/NAMESPACE/pods/*/penstock_concurrency and …/penstock_requests_per_second`) };
  try {
    const selected = labelSelector(searchParams.get('labelSelector') ?? '');
    const asked = [...pods()].filter(({ metadata }) => metadata.namespace === namespace && (name === '*' ? selected(metadata.labels ?? {}) : metadata.name === name));
    return { code: 200, body: metricValueList(metric, await scorers.readings(asked)) };
  } catch (error) {
    return { code: 400, body: failure(400, 'BadRequest', (error as Error).message) };
  }
}
