/**
 * Port 8080: who may ask what, and what every answer has. Scoring is on bare node:http, everything else by express. User code never runs here.
 */
import {
  authorized,
  ConnectionLimit,
  HEADER,
  placesFor,
  refusalOf,
  refuseUnreadable,
  VERSION,
} from '@penstock/contract';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'winston';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { Demand } from '../metrics/demand.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { ScoringPool } from '../run/pool.ts';
import { logAccess } from './accessLog.ts';
import { coldRoutes } from './coldRoutes.ts';
import { Exchange } from './exchange.ts';
import { KEPT_SECONDS, shared } from './head.ts';
import { hotRoutes } from './hotRoutes.ts';
import { endUnlessAsked } from './openedAhead.ts';
import { requestIds } from './requestIds.ts';
import type { TrafficTable } from './traffic.ts';

export interface UserServerDeps {
  config: ScorerConfig;
  pool: ScoringPool;
  lifecycle: Lifecycle;
  traffic: TrafficTable;
  metrics: ScorerMetrics;
  demand: Demand;
  logger: Logger;
  /** Requests for a score whose answer its client has not taken whole. */
  answers: { open: number };
}

/** The head of a request has to be here after this long (milliseconds). */
const HEAD_MS = 9_000;
/** No request of any size takes longer to come: body.ts refuses a slow one long before. */
const LONGEST_REQUEST_MS = 12 * 3_600_000;

/** {@link KEPT_SECONDS}, for those who do not listen. */
const KEPT_LONGER_MS = 70_000;
/** An idle one takes 10 KiB. */
const MOST_CONNECTIONS = 8_000;
const NOTHING = shared([]);

export function userServer(deps: UserServerDeps): Server {
  const cold = coldRoutes(deps);
  const { config } = deps;
  const modelVersions = config.models.map(({ modelVersion }) => modelVersion).join(',');
  const ofEndpoint = shared([
    HEADER.revision,
    config.revision,
    HEADER.serverVersion,
    `penstock/${VERSION}`,
    ...(modelVersions === '' ? [] : [HEADER.modelVersion, modelVersions]),
  ]);
  const server = createServer(
    {
      headersTimeout: HEAD_MS,
      requestTimeout: LONGEST_REQUEST_MS,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: KEPT_SECONDS * 1000,
      keepAliveTimeoutBuffer: KEPT_LONGER_MS,
    },
    (request, response) => {
      const ids = requestIds(request.headers);
      const known = isKnown(request, deps);
      const exchange = new Exchange(request, response, ids.headers, known ? ofEndpoint : NOTHING);
      if (request.headers[HEADER.traceId] !== undefined)
        exchange.header(HEADER.traceId, request.headers[HEADER.traceId] as string);
      const preflight = config.corsOrigins.length > 0 && allowOrigin(exchange, config.corsOrigins);
      if (deps.lifecycle.phase === 'Draining' || deps.traffic.retiring(config.revision)) exchange.last();
      if (config.accessLog) logAccess(exchange, config, deps.logger);
      if (ids.problem !== undefined) return exchange.fail(431, ids.problem);
      if (!exchange.path.startsWith('/'))
        return exchange.fail(400, 'The request target must be a path, or an http:// address with one');
      if (preflight && !deps.pool.script.rawHttp) return exchange.send(200, '', 'text/plain'); // it never carries a key
      if (refused(exchange, known, deps)) return;
      if (hotRoutes(exchange, deps)) return;
      exchange.setHeaders();
      cold(request, response);
    },
  );
  new ConnectionLimit(placesFor(MOST_CONNECTIONS)).guard(server);
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    const caller = socket as Socket;
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && caller.bytesRead === 0)
      endUnlessAsked(caller, KEPT_SECONDS * 1000 + KEPT_LONGER_MS - HEAD_MS); // as long as any idle one
    else refuseUnreadable(code, caller);
  });
  server.on('checkExpectation', (request, response) =>
    new Exchange(request, response, [], NOTHING).fail(417, 'The header Expect can only be 100-continue'),
  );
  return server;
}

/** As flask-cors does for Azure's server; true for a preflight from an origin that may. */
function allowOrigin(exchange: Exchange, origins: readonly string[]): boolean {
  const { origin, 'access-control-request-headers': asked } = exchange.request.headers;
  if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return false;
  exchange.header('access-control-allow-origin', origins.includes('*') ? '*' : origin);
  exchange.header('vary', 'Origin');
  if (exchange.request.method !== 'OPTIONS') return false;
  exchange.header('access-control-allow-methods', 'GET, OPTIONS, POST');
  if (asked !== undefined) exchange.header('access-control-allow-headers', asked);
  return exchange.request.headers['access-control-request-method'] !== undefined;
}

/** Whether the client may know what answers it: revision, model versions and the server's version are told to holders of a key only. */
function isKnown({ headers: { authorization } }: IncomingMessage, { config, traffic }: UserServerDeps): boolean {
  return config.auth !== 'Key' || (authorization !== undefined && authorized(authorization, traffic.keyHashes));
}

function refused(exchange: Exchange, known: boolean, { metrics, lifecycle }: UserServerDeps): boolean {
  const open = exchange.path === '/' || exchange.path.startsWith('/v2/health/');
  const reject = (status: number, reason: string, message: string): true => {
    metrics.rejected.inc({ reason });
    exchange.fail(status, message);
    return true;
  };
  if (!open && !known) {
    exchange.header('www-authenticate', 'Bearer');
    return reject(401, 'unauthorized', refusalOf(exchange.request.headers.authorization));
  }
  if (!open && !lifecycle.started)
    return reject(503, 'not_ready', 'The endpoint is not ready: its script has not finished init()');
  return false;
}
