/**
 * The server of port 8080: authentication, readiness and routing. Scoring is on node:http, everything else on express.
 * User code never runs in this thread.
 */
import { authorized, unauthorizedMessage } from '@penstock/server/auth';
import { ConnectionLimit, fixedCapacity } from '@penstock/server/connectionLimit';
import { HEADER, VERSION } from '@penstock/contract';
import { rejectMalformedRequest } from '@penstock/server/malformedRequest';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ScorerConfig } from '../config.ts';
import { rejection } from '../rejections.ts';
import { logAccess } from './accessLog.ts';
import type { InferenceServerDeps } from './deps.ts';
import { metadataRoutes } from './metadataRoutes.ts';
import { RequestContext } from './requestContext.ts';
import { commonHeaders, KEEP_ALIVE_SECONDS, type CommonHeaders } from './responseHead.ts';
import { scoringRoutes } from './scoringRoutes.ts';
import { closeIfIdle } from './idleConnections.ts';
import { requestIds } from '@penstock/server/requestIds';

/** A request head must arrive within this time (milliseconds). */
const HEAD_TIMEOUT_MS = 9_000;
/** Larger than any upload takes: body.ts rejects a slow one much earlier. */
const REQUEST_TIMEOUT_MS = 12 * 3_600_000;

/** Server-side grace for clients that ignore `Keep-Alive: timeout`. */
const KEEP_ALIVE_GRACE_MS = 70_000;
/** An idle connection takes 10 KiB. */
const MAX_CONNECTIONS = 8_000;
const NO_HEADERS = commonHeaders([]);

/** The server of port 8080; the caller calls listen(). The steps of a request are drawn in docs/architecture.md. */
export function inferenceServer(deps: InferenceServerDeps): Server {
  const metadata = metadataRoutes(deps);
  const endpointHeaders = headersOf(deps.config);
  const server = createServer(
    {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000,
      keepAliveTimeoutBuffer: KEEP_ALIVE_GRACE_MS,
    },
    (request, response) => {
      const ids = requestIds(request.headers);
      const isKnown = isAuthorized(request, deps);
      const context = new RequestContext(request, response, ids.headers, isKnown ? endpointHeaders : NO_HEADERS);
      const isPreflight = prepare(context, deps);
      if (rejectInvalid(context, ids.problem)) return;
      if (isPreflight && !deps.dispatcher.script.rawHttp) return context.send(200, '', 'text/plain');
      if (rejectUnauthorized(context, isKnown, deps) || rejectNotReady(context, deps)) return;
      if (scoringRoutes(context, deps)) return;
      context.setHeaders();
      metadata(request, response);
    },
  );
  new ConnectionLimit(fixedCapacity(MAX_CONNECTIONS)).guard(server);
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    const client = socket as Socket;
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && client.bytesRead === 0)
      // as long as other idle ones
      closeIfIdle(client, KEEP_ALIVE_SECONDS * 1000 + KEEP_ALIVE_GRACE_MS - HEAD_TIMEOUT_MS);
    else rejectMalformedRequest(code, client);
  });
  server.on('checkExpectation', (request, response) =>
    new RequestContext(request, response, [], NO_HEADERS).reject(rejection('unsupportedExpectation')),
  );
  return server;
}

/** Headers of every response to an authorized client. */
function headersOf({ models, revision }: ScorerConfig): CommonHeaders {
  const modelVersions = models.map(({ modelVersion }) => modelVersion).join(',');
  return commonHeaders([
    HEADER.revision,
    revision,
    HEADER.serverVersion,
    `penstock/${VERSION}`,
    ...(modelVersions === '' ? [] : [HEADER.modelVersion, modelVersions]),
  ]);
}

/** Sets what every response has, whatever the request is. True for a CORS preflight from an allowed origin. */
function prepare(context: RequestContext, { config, lifecycle, traffic, logger }: InferenceServerDeps): boolean {
  const traceId = context.request.headers[HEADER.traceId];
  if (traceId !== undefined) context.header(HEADER.traceId, traceId as string);
  if (lifecycle.phase === 'Draining' || traffic.retiring(config.revision)) context.closeConnection();
  if (config.accessLog) logAccess(context, config, logger);
  return config.corsOrigins.length > 0 && allowOrigin(context, config.corsOrigins);
}

function rejectInvalid(context: RequestContext, idProblem: string | undefined): boolean {
  if (idProblem !== undefined) context.reject(rejection('requestIdTooLong', { problem: idProblem }));
  else if (!context.path.startsWith('/')) context.reject(rejection('invalidRequestTarget'));
  else return false;
  return true;
}

/** As flask-cors does for Azure ML's server. True for a preflight from an allowed origin. */
function allowOrigin(context: RequestContext, origins: readonly string[]): boolean {
  const { origin, 'access-control-request-headers': asked } = context.request.headers;
  if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return false;
  context.header('access-control-allow-origin', origins.includes('*') ? '*' : origin);
  context.header('vary', 'Origin');
  if (context.request.method !== 'OPTIONS') return false;
  context.header('access-control-allow-methods', 'GET, OPTIONS, POST');
  if (asked !== undefined) context.header('access-control-allow-headers', asked);
  return context.request.headers['access-control-request-method'] !== undefined;
}

/** Revision, model versions and server version are sent to clients with a valid key only. */
function isAuthorized(
  { headers: { authorization } }: IncomingMessage,
  { config, traffic }: InferenceServerDeps,
): boolean {
  return config.auth !== 'Key' || (authorization !== undefined && authorized(authorization, traffic.keyHashes));
}

/** Health checks need no key. */
const isOpen = ({ path }: RequestContext): boolean => path === '/' || path.startsWith('/v2/health/');

function rejectUnauthorized(context: RequestContext, isKnown: boolean, { metrics }: InferenceServerDeps): boolean {
  if (isKnown || isOpen(context)) return false;
  metrics.rejected.inc({ reason: 'unauthorized' });
  context.header('www-authenticate', 'Bearer');
  context.reject(rejection('unauthorized', { problem: unauthorizedMessage(context.request.headers.authorization) }));
  return true;
}

function rejectNotReady(context: RequestContext, { metrics, lifecycle }: InferenceServerDeps): boolean {
  if (lifecycle.started || isOpen(context)) return false;
  metrics.rejected.inc({ reason: 'not_ready' });
  context.reject(rejection('notReady'));
  return true;
}
