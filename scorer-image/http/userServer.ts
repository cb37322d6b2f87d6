/**
 * Port 8080: Azure's /score and the V2 infer on bare node:http, everything else by express. User code never runs here.
 */
import { HEADER } from '@penstock/contract';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'winston';
import type { ScorerConfig } from '../config.ts';
import type { Lifecycle } from '../init/lifecycle.ts';
import type { ScorerMetrics } from '../metrics/metrics.ts';
import type { Answer } from '../run/messages.ts';
import type { ScoringPool } from '../run/pool.ts';
import { authorized } from './auth.ts';
import { BodyTooLarge, readBody } from './body.ts';
import { coldRoutes } from './coldRoutes.ts';
import { requestIds } from './requestIds.ts';
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

export function userServer(deps: UserServerDeps): Server {
  const cold = coldRoutes(deps);
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!;
    stamp(request, response, deps);
    if (response.headersSent || refused(request, response, path, deps)) return;
    const infer = INFER.exec(path);
    if (path === '/score' && request.method !== 'OPTIONS') void score(request, response, deps);
    else if (infer && request.method === 'POST') void v2(request, response, deps, { model: decoded(infer[1]!), version: infer[2] });
    else cold(request, response);
  });
  Object.assign(server, { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 75_000, connectionsCheckingInterval: 1_000 });
  return server;
}

/** A path segment; one that is no valid escape stands for itself, and names no model. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Headers that every answer carries. */
function stamp(request: IncomingMessage, response: ServerResponse, { config, traffic, lifecycle }: UserServerDeps): void {
  const ids = requestIds(request.headers);
  for (const [name, value] of Object.entries(ids.headers)) response.setHeader(name, value);
  response.setHeader(HEADER.revision, config.revision);
  if (config.models.length > 0) response.setHeader(HEADER.modelVersion, config.models.map(({ modelVersion }) => modelVersion).join(','));
  if (lifecycle.phase === 'Draining' || traffic.retiring(config.revision)) response.setHeader('connection', 'close');
  if (ids.problem !== undefined) sendMessage(response, 431, ids.problem);
}

function refused(request: IncomingMessage, response: ServerResponse, path: string, { config, traffic, metrics, lifecycle }: UserServerDeps): boolean {
  const open = path === '/' || path.startsWith('/v2/health/');
  const reject = (status: number, reason: string, message: string): true => {
    metrics.rejected.inc({ reason });
    request.resume();
    if (path.startsWith('/v2')) send(response, status, JSON.stringify({ error: message }));
    else sendMessage(response, status, message);
    return true;
  };
  if (!open && config.auth === 'Key' && !authorized(request.headers.authorization, traffic.keyHashes)) {
    response.setHeader('www-authenticate', 'Bearer');
    return reject(401, 'unauthorized', request.headers.authorization === undefined
      ? `Missing credentials: send the header Authorization: Bearer <key>, with a key from the Secret ${config.pipeline}-keys`
      : 'Invalid credentials: the key is not one of the two keys of this endpoint');
  }
  if (!open && !lifecycle.started) return reject(503, 'not_ready', 'The endpoint is not ready: its script has not finished init()');
  return false;
}

async function score(request: IncomingMessage, response: ServerResponse, deps: UserServerDeps): Promise<void> {
  const { method = '', url = '' } = request;
  if (method !== 'POST' && method !== 'GET') return sendMessage(response, 405, 'Method not allowed');
  await timed(request, response, deps, async (body) => {
    const input = method === 'GET' ? Buffer.from(queryAsJson(url)) : body;
    const answer = await deps.pool.score(input, { method, url, headers: request.headers as Record<string, string> });
    azureAnswer(response, answer, deps);
  });
}

async function v2(request: IncomingMessage, response: ServerResponse, deps: UserServerDeps, { model, version }: { model: string; version: string | undefined }): Promise<void> {
  const found = deps.config.models.find(({ name }) => name === model);
  if (!found || (version !== undefined && version !== found.version)) {
    request.resume();
    return send(response, 404, JSON.stringify({ error: `there is no model ${model}${version === undefined ? '' : ` version ${version}`} here` }));
  }
  await timed(request, response, deps, async (body) => {
    const answer = await deps.pool.infer(body, model);
    if (answer.status >= 500) logFailure(answer, response, deps);
    send(response, answer.status, answer.status === 200 ? answer.body : JSON.stringify({ error: publicText(answer, deps) }));
  });
}

/** Reads the body, counts and times the request, and keeps any error of ours a JSON answer. */
async function timed(request: IncomingMessage, response: ServerResponse, { metrics, logger }: UserServerDeps, work: (body: Buffer) => Promise<void>): Promise<void> {
  const end = metrics.duration.startTimer();
  metrics.inProgress.inc();
  try {
    await work(await readBody(request));
  } catch (error) {
    if (error instanceof BodyTooLarge) sendMessage(response, 413, error.message);
    else if (!response.destroyed && !response.headersSent) {
      logger.error('request failed', { error: error instanceof Error ? error.stack : String(error) });
      sendMessage(response, 500, 'An unexpected internal error occurred. Check the logs for more info.');
    }
  } finally {
    metrics.inProgress.dec();
    metrics.requests.inc({ code: response.headersSent ? String(response.statusCode) : '499' }); // nginx's word for a client that went away
    end();
  }
}

/** As azureml-inference-server-http: the script's JSON, or {"message": …}; x-ms-run-function-failed from 500 on. */
function azureAnswer(response: ServerResponse, answer: Answer, deps: UserServerDeps): void {
  response.setHeader(HEADER.runFailed, answer.status >= 500 ? 'True' : 'False');
  if (answer.runMs !== undefined) response.setHeader('x-ms-run-fn-exec-ms', answer.runMs.toFixed(3));
  if (answer.status >= 500) logFailure(answer, response, deps);
  if (answer.status === 200) send(response, 200, answer.body);
  else sendMessage(response, answer.status, publicText(answer, deps));
}

function logFailure(answer: Answer, response: ServerResponse, { logger }: UserServerDeps): void {
  logger.error(answer.status === 504 ? answer.body : 'run() failed', { requestId: response.getHeader(HEADER.requestId), error: answer.stack });
}

/** Development shows the stack; elsewhere the request id is all a client gets. */
const publicText = ({ status, body, stack }: Answer, { config }: UserServerDeps): string => (status !== 500 ? body : config.exposeErrors ? (stack ?? body) : RUN_FAILED);

/** GET /score?a=1&b=x → {"a": 1, "b": "x"}; a repeated key becomes a list. */
function queryAsJson(url: string): string {
  const query = new URL(url, 'http://scorer').searchParams;
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

function send(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }).end(json);
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  send(response, status, JSON.stringify({ message }));
}
