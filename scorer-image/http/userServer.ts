/**
 * Port 8080: Azure's /score and the V2 infer on bare node:http, everything else by express. User code never runs here.
 */
import { HEADER, VERSION } from '@penstock/contract';
import { createServer, type Server } from 'node:http';
import type { Logger } from 'winston';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { Answer, Work } from '../run/messages.ts';
import type { ScoringPool } from '../run/pool.ts';
import { logAccess, traceOf } from './accessLog.ts';
import { authorized } from './auth.ts';
import { readBody } from './body.ts';
import { coldRoutes } from './coldRoutes.ts';
import { Exchange } from './exchange.ts';
import { requestIds } from './requestIds.ts';
import { servedModel } from './servedModel.ts';
import type { TrafficTable } from './traffic.ts';

export interface UserServerDeps {
  config: ScorerConfig;
  pool: ScoringPool;
  lifecycle: Lifecycle;
  traffic: TrafficTable;
  metrics: ScorerMetrics;
  logger: Logger;
}

const INFER = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer$/;
const RUN_FAILED = 'An unexpected error occurred in scoring script. Check the logs for more info.';
/** A whole request, its body included, has to be here after this long; one that is dripped in is cut off. */
const WHOLE_REQUEST_MS = 10_000;
/** Names and values of request id and its twin, which every answer has. */
const FIXED_HEADERS = 4;
const RETRY_AFTER_SECONDS = '1';
const [READ, QUEUE, RUN] = [{ step: 'read' }, { step: 'queue' }, { step: 'run' }] as const;

export function userServer(deps: UserServerDeps): Server {
  const cold = coldRoutes(deps);
  const { config } = deps;
  const modelVersions = config.models.map(({ modelVersion }) => modelVersion).join(',');
  const server = createServer({ headersTimeout: WHOLE_REQUEST_MS - 1000, requestTimeout: WHOLE_REQUEST_MS, connectionsCheckingInterval: 1000, keepAliveTimeout: 75_000 }, (request, response) => {
    const ids = requestIds(request.headers);
    const exchange = new Exchange(request, response, [...ids.headers, HEADER.revision, config.revision, HEADER.serverVersion, `penstock/${VERSION}`]);
    if (modelVersions !== '') exchange.header(HEADER.modelVersion, modelVersions);
    if (request.headers[HEADER.traceId] !== undefined) exchange.header(HEADER.traceId, request.headers[HEADER.traceId] as string);
    const preflight = config.corsOrigins.length > 0 && allowOrigin(exchange, config.corsOrigins);
    if (deps.lifecycle.phase === 'Draining' || deps.traffic.retiring(config.revision)) exchange.header('connection', 'close');
    if (config.accessLog) logAccess(exchange, config, deps.logger);
    if (ids.problem !== undefined) return exchange.fail(431, ids.problem);
    if (!exchange.path.startsWith('/')) return exchange.fail(400, 'The request target must be a path, or an http:// address with one');
    if (preflight && !deps.pool.script.rawHttp) return exchange.send(200, '', 'text/plain'); // it never carries a key
    if (refused(exchange, deps)) return;
    if (exchange.path === '/score' && (request.method !== 'OPTIONS' || deps.pool.script.rawHttp)) return score(exchange, deps);
    const infer = request.method === 'POST' ? INFER.exec(exchange.path) : null;
    if (infer) return v2(exchange, deps, { model: decoded(infer[1]!), version: infer[2] });
    exchange.setHeaders();
    cold(request, response);
  });
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    // Never over the answer to a request that came before on this connection.
    if (!socket.writable || (socket as { _httpMessage?: unknown })._httpMessage) return void socket.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
    const body = JSON.stringify({ message: `The request could not be read: ${status.slice(4)}` });
    socket.end(`HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`, () => socket.destroy());
  });
  server.on('checkExpectation', (request, response) => new Exchange(request, response, []).fail(417, 'The header Expect can only be 100-continue'));
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

/** A path segment; one that is no valid escape stands for itself, and names no model. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function refused(exchange: Exchange, { config, traffic, metrics, lifecycle }: UserServerDeps): boolean {
  const open = exchange.path === '/' || exchange.path.startsWith('/v2/health/');
  const reject = (status: number, reason: string, message: string): true => {
    metrics.rejected.inc({ reason });
    exchange.fail(status, message);
    return true;
  };
  const { authorization } = exchange.request.headers;
  if (!open && config.auth === 'Key' && !authorized(authorization, traffic.keyHashes)) {
    exchange.header('www-authenticate', 'Bearer');
    return reject(401, 'unauthorized', authorization === undefined
      ? `Missing credentials: send the header Authorization: Bearer <key>, with a key from the Secret ${config.pipeline}-keys`
      : 'Invalid credentials: the key is not one of the two keys of this endpoint');
  }
  if (!open && !lifecycle.started) return reject(503, 'not_ready', 'The endpoint is not ready: its script has not finished init()');
  return false;
}

function score(exchange: Exchange, deps: UserServerDeps): void {
  const { method = '', url = '' } = exchange.request;
  if (method !== 'POST' && method !== 'GET' && method !== 'OPTIONS') return exchange.fail(405, 'Method not allowed');
  const work: Work = { kind: 'score', ...forScript(exchange, deps) };
  if (method === 'GET' && !deps.pool.script.rawHttp) ask(exchange, deps, { work, body: Buffer.from(queryAsJson(url)), reply: azureAnswer });
  else withBody(exchange, deps, (body) => ask(exchange, deps, { work, body, reply: azureAnswer }));
}

function v2(exchange: Exchange, deps: UserServerDeps, { model, version }: { model: string; version: string | undefined }): void {
  if (!servedModel(deps.config, model, version)) return exchange.fail(404, `there is no model ${model.slice(0, 200)}${version === undefined ? '' : ` version ${version.slice(0, 50)}`} here`);
  const length = exchange.request.headers[HEADER.jsonLength] as string | undefined;
  if (length !== undefined && !/^\d{1,9}$/.test(length)) return exchange.fail(400, 'Inference-Header-Content-Length must be a whole number');
  const work: Work = { kind: 'infer', model, ...(length !== undefined && { jsonBytes: Number(length) }), ...forScript(exchange, deps) };
  withBody(exchange, deps, (body) => ask(exchange, deps, { work, body, reply: v2Answer }));
}

/** What a script may look at beside the body; nothing for one that does not, since it is copied to the worker. */
function forScript({ request: { method = '', url = '', headers } }: Exchange, { pool }: UserServerDeps): Pick<Work, 'request'> {
  return pool.script.wantsRequest ? { request: { method, url, headers: headers as Record<string, string> } } : {};
}

/** Reads the body and goes on with it; what cannot be read is answered here. */
function withBody(exchange: Exchange, { metrics }: UserServerDeps, next: (body: Buffer) => void): void {
  readBody(exchange.request, (refusal, body) => {
    if (!refusal) return next(body);
    metrics.requests.inc({ code: String(refusal.status) });
    exchange.fail(refusal.status, refusal.message);
  });
}

/** What node:http refuses to write (a header of the script's, as a rule) is the script's mistake, not the process's end. */
function replied(exchange: Exchange, reply: () => void, { logger }: UserServerDeps): void {
  try {
    reply();
  } catch (error) {
    logger.error('the answer of run() cannot be sent', { requestId: exchange.requestId, error: error instanceof Error ? error.stack : String(error) });
    exchange.headers.length = FIXED_HEADERS;
    exchange.fail(500, RUN_FAILED);
  }
}

interface Question {
  work: Work;
  body: Buffer;
  reply: (exchange: Exchange, answer: Answer, deps: UserServerDeps) => void;
}

/** Asks the workers, counts and times the request. */
function ask(exchange: Exchange, deps: UserServerDeps, { work, body, reply }: Question): void {
  const { metrics, pool } = deps;
  let answered = false;
  metrics.inProgress.inc();
  const ended = (code: string): void => {
    answered = true;
    metrics.inProgress.dec();
    metrics.requests.inc({ code });
    metrics.duration.observe((performance.now() - exchange.started) / 1000);
  };
  const ticket = pool.ask({
    work, body,
    answered: (answer) => {
      if (answered) return;
      if (ticket?.sent !== undefined && answer.runMs !== undefined) {
        metrics.steps.observe(READ, (ticket.arrived - exchange.started) / 1000);
        metrics.steps.observe(QUEUE, (ticket.sent - ticket.arrived) / 1000);
        metrics.steps.observe(RUN, answer.runMs / 1000);
      }
      replied(exchange, () => reply(exchange, answer, deps), deps);
      ended(String(exchange.response.statusCode));
    },
  });
  exchange.response.once('close', () => {
    if (answered) return;
    if (ticket) pool.cancel(ticket);
    ended('499'); // nginx's word for a client that went away
  });
}

/** As azureml-inference-server-http: the script's JSON, or {"message": …}; x-ms-run-function-failed from 500 on. */
function azureAnswer(exchange: Exchange, answer: Answer, deps: UserServerDeps): void {
  exchange.header(HEADER.runFailed, answer.status >= 500 ? 'True' : 'False');
  if (answer.runMs !== undefined) exchange.header(HEADER.runMs, answer.runMs.toFixed(3));
  if (answer.headers) exchange.pass(answer.status, answer.body, answer.headers);
  else if (answer.status === 200) exchange.send(200, answer.body);
  else failed(exchange, answer, deps);
}

function v2Answer(exchange: Exchange, answer: Answer, deps: UserServerDeps): void {
  if (answer.status !== 200) return failed(exchange, answer, deps);
  if (answer.jsonBytes !== undefined) exchange.header(HEADER.jsonLength, String(answer.jsonBytes));
  exchange.send(200, answer.body, answer.jsonBytes === undefined ? 'application/json' : 'application/octet-stream');
}

/** Development shows the stack; elsewhere the request id is all a client gets. */
function failed(exchange: Exchange, { status, body, stack }: Answer, { config, logger, metrics }: UserServerDeps): void {
  const text = String(body);
  if (status === 429) {
    metrics.rejected.inc({ reason: 'busy' });
    exchange.header('retry-after', RETRY_AFTER_SECONDS);
  }
  if (status >= 500) logger.error(status === 504 ? text : 'run() failed', { requestId: exchange.requestId, traceId: traceOf(exchange.request.headers.traceparent), error: stack });
  exchange.fail(status, status !== 500 ? text : config.exposeErrors ? (stack ?? text) : RUN_FAILED);
}

/** GET /score?a=1&b=x → {"a": 1, "b": "x"}; a repeated key becomes a list. */
function queryAsJson(url: string): string {
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
  const parsed = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  return JSON.stringify(Object.fromEntries([...new Set(query.keys())].map((key) => {
    const values = query.getAll(key).map(parsed);
    return [key, values.length === 1 ? values[0] : values];
  })));
}
