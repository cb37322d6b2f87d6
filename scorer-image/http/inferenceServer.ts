/**
 * Port 8080: who may ask what, and what every answer has. Scoring is on bare node:http, everything else by express. User code never runs here.
 */
import {
  authorized,
  ConnectionLimit,
  HEADER,
  fixedCapacity,
  unauthorizedMessage,
  rejectMalformedRequest,
  VERSION,
} from '@penstock/contract';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'winston';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { Demand } from '../metrics/demand.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { Dispatcher } from '../run/dispatcher.ts';
import { logAccess } from './accessLog.ts';
import { metadataRoutes } from './metadataRoutes.ts';
import { RequestContext } from './requestContext.ts';
import { KEEP_ALIVE_SECONDS, commonHeaders } from './responseHead.ts';
import { scoringRoutes } from './scoringRoutes.ts';
import { closeIfIdle } from './idleConnections.ts';
import { requestIds } from './requestIds.ts';
import type { TrafficTable } from './trafficTable.ts';

export interface InferenceServerDeps {
  config: ScorerConfig;
  dispatcher: Dispatcher;
  lifecycle: Lifecycle;
  traffic: TrafficTable;
  metrics: ScorerMetrics;
  demand: Demand;
  logger: Logger;
  /** Requests for a score whose answer its client has not taken whole. */
  responses: { open: number };
}

/** The head of a request has to be here after this long (milliseconds). */
const HEAD_TIMEOUT_MS = 9_000;
/** No request of any size takes longer to come: body.ts refuses a slow one long before. */
const REQUEST_TIMEOUT_MS = 12 * 3_600_000;

/** {@link KEEP_ALIVE_SECONDS}, for those who do not listen. */
const KEEP_ALIVE_GRACE_MS = 70_000;
/** An idle one takes 10 KiB. */
const MAX_CONNECTIONS = 8_000;
const NO_HEADERS = commonHeaders([]);

export function inferenceServer(deps: InferenceServerDeps): Server {
  const metadata = metadataRoutes(deps);
  const { config } = deps;
  const modelVersions = config.models.map(({ modelVersion }) => modelVersion).join(',');
  const endpointHeaders = commonHeaders([
    HEADER.revision,
    config.revision,
    HEADER.serverVersion,
    `penstock/${VERSION}`,
    ...(modelVersions === '' ? [] : [HEADER.modelVersion, modelVersions]),
  ]);
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
      const known = isAuthorized(request, deps);
      const context = new RequestContext(request, response, ids.headers, known ? endpointHeaders : NO_HEADERS);
      if (request.headers[HEADER.traceId] !== undefined)
        context.header(HEADER.traceId, request.headers[HEADER.traceId] as string);
      const preflight = config.corsOrigins.length > 0 && allowOrigin(context, config.corsOrigins);
      if (deps.lifecycle.phase === 'Draining' || deps.traffic.retiring(config.revision)) context.closeConnection();
      if (config.accessLog) logAccess(context, config, deps.logger);
      if (ids.problem !== undefined) return context.fail(431, ids.problem);
      if (!context.path.startsWith('/'))
        return context.fail(400, 'The request target must be a path, or an http:// address with one');
      if (preflight && !deps.dispatcher.script.rawHttp) return context.send(200, '', 'text/plain'); // it never carries a key
      if (rejected(context, known, deps)) return;
      if (scoringRoutes(context, deps)) return;
      context.setHeaders();
      metadata(request, response);
    },
  );
  new ConnectionLimit(fixedCapacity(MAX_CONNECTIONS)).guard(server);
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    const caller = socket as Socket;
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && caller.bytesRead === 0)
      closeIfIdle(caller, KEEP_ALIVE_SECONDS * 1000 + KEEP_ALIVE_GRACE_MS - HEAD_TIMEOUT_MS); // as long as any idle one
    else rejectMalformedRequest(code, caller);
  });
  server.on('checkExpectation', (request, response) =>
    new RequestContext(request, response, [], NO_HEADERS).fail(417, 'The header Expect can only be 100-continue'),
  );
  return server;
}

/** As flask-cors does for Azure's server; true for a preflight from an origin that may. */
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

/** Whether the client may know what answers it: revision, model versions and the server's version are told to holders of a key only. */
function isAuthorized(
  { headers: { authorization } }: IncomingMessage,
  { config, traffic }: InferenceServerDeps,
): boolean {
  return config.auth !== 'Key' || (authorization !== undefined && authorized(authorization, traffic.keyHashes));
}

function rejected(context: RequestContext, known: boolean, { metrics, lifecycle }: InferenceServerDeps): boolean {
  const open = context.path === '/' || context.path.startsWith('/v2/health/');
  const reject = (status: number, reason: string, message: string): true => {
    metrics.rejected.inc({ reason });
    context.fail(status, message);
    return true;
  };
  if (!open && !known) {
    context.header('www-authenticate', 'Bearer');
    return reject(401, 'unauthorized', unauthorizedMessage(context.request.headers.authorization));
  }
  if (!open && !lifecycle.started)
    return reject(503, 'not_ready', 'The endpoint is not ready: its script has not finished init()');
  return false;
}
