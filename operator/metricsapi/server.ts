/**
 * custom.metrics.k8s.io over TLS, for the API server's aggregator only. It has authenticated and authorized the client,
 * and identifies itself with the front-proxy client certificate.
 */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { ServerResponse } from 'node:http';
import { ConnectionLimit, fixedCapacity } from '@penstock/server/connectionLimit';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Stored } from '@penstock/kube/api/objects';
import { FairShare } from '@penstock/kube/cache/fairShare';
import type { Scorers } from '../scorers/stats.ts';
import { failure, GROUP_VERSION, isMetric, metricValueList, resourceList } from './answers.ts';
import type { TlsIdentity } from './identity.ts';
import { labelSelector } from './selector.ts';

/** Concurrent reads, shared by all namespaces. */
const MAX_CONCURRENT_READS = 64;
/** API servers keep a few connections each. A connection without a TLS handshake costs 25 KiB. */
const MAX_CONNECTIONS = 256;
const HANDSHAKE_MS = 5_000;
const PODS = new RegExp(`^/apis/${GROUP_VERSION}/namespaces/([a-z0-9.-]+)/pods/([a-z0-9.*-]+)/([a-z0-9_]+)$`);

export interface MetricsServerDeps {
  scorers: Scorers;
  pods: () => Iterable<Stored<Pod>>;
  identity: TlsIdentity;
}

/** The server; the caller calls listen(). */
export function metricsServer({ scorers, pods, identity }: MetricsServerDeps): Server {
  const places = new FairShare(MAX_CONCURRENT_READS);
  const server = createServer(
    {
      ...identity.options,
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      headersTimeout: 5000,
      requestTimeout: 5000,
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      request.resume();
      if (!identity.mayAsk((request.socket as TLSSocket).getPeerCertificate().subject.CN as string))
        return send(
          response,
          403,
          failure(403, 'Forbidden', 'only the API server may ask here, by its front-proxy client certificate'),
        );
      // not parsed as a URL: dots and escapes could lead to another namespace than the one that was authorized
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      const asked = PODS.exec(path.replaceAll('%2A', '*'));
      const namespace = asked?.[1] ?? '';
      if (!places.admits(namespace, 1))
        return send(
          response.setHeader('retry-after', '1'),
          429,
          failure(429, 'TooManyRequests', `too many reads of metrics in namespace ${namespace} at once`),
        );
      places.add(namespace, 1);
      response.once('close', () => places.add(namespace, -1));
      respond({ method: request.method, path, query, asked }, { scorers, pods }).then(
        ({ code, body }) => send(response, code, body),
        (error: unknown) =>
          send(response, 500, failure(500, 'InternalError', error instanceof Error ? error.message : String(error))),
      );
    },
  );
  new ConnectionLimit(fixedCapacity(MAX_CONNECTIONS)).guard(server);
  return server;
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

interface MetricsRequest {
  method: string | undefined;
  path: string;
  query: string;
  /** Namespace, pod and metric in the path. */
  asked: RegExpExecArray | null;
}

async function respond(
  { method, path, query, asked }: MetricsRequest,
  { scorers, pods }: Pick<MetricsServerDeps, 'scorers' | 'pods'>,
): Promise<{ code: number; body: object }> {
  if (method !== 'GET') return { code: 405, body: failure(405, 'MethodNotAllowed', 'metrics can only be read') };
  if (path === `/apis/${GROUP_VERSION}`) return { code: 200, body: resourceList() };
  const [, namespace, name, metric] = asked ?? [];
  if (namespace === undefined || metric === undefined || !isMetric(metric))
    return {
      code: 404,
      body: failure(
        404,
        'NotFound',
        `there is no metric at ${path}: those of pods are at /apis/${GROUP_VERSION}/namespaces/NAMESPACE/pods/*/penstock_concurrency and …/penstock_requests_per_second`,
      ),
    };
  try {
    const selected = labelSelector(new URLSearchParams(query).get('labelSelector') ?? '');
    const named = [...pods()].filter(
      ({ metadata }) =>
        metadata.namespace === namespace && (name === '*' ? selected(metadata.labels ?? {}) : metadata.name === name),
    );
    return { code: 200, body: metricValueList(metric, await scorers.readings(named)) };
  } catch (error) {
    return { code: 400, body: failure(400, 'BadRequest', (error as Error).message) };
  }
}
