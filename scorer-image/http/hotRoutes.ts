/** The routes that score: Azure's /score, MLflow's /invocations, the V2 infer. On bare node:http. */
import { HEADER } from '@penstock/contract';
import type { AnswerStream } from '../run/answerStream.ts';
import type { Answer, ScoreRequest, Work } from '../run/messages.ts';
import { traceOf } from './accessLog.ts';
import type { Exchange } from './exchange.ts';
import { Question, RUN_FAILED } from './question.ts';
import { servedModel } from './servedModel.ts';
import type { UserServerDeps } from './userServer.ts';

const INFER = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer$/;
const RETRY_AFTER_SECONDS = '1';
const JSON_TYPE = ['content-type', 'application/json'];
/** The same objects for all requests: a message says what they are once. */
const PLAIN = { score: { kind: 'score' }, invocations: { kind: 'invocations' } } as const;

/** Answers a request for a score, now or later; false for any other. */
export function hotRoutes(exchange: Exchange, deps: UserServerDeps): boolean {
  const { method } = exchange.request;
  if ((exchange.path === '/score' || exchange.path === '/score/') && (method !== 'OPTIONS' || deps.pool.script.rawHttp))
    score(exchange, deps);
  else if (exchange.path === '/invocations' || exchange.path === '/invocations/') invocations(exchange, deps);
  else {
    const infer = method === 'POST' ? INFER.exec(exchange.path) : null;
    if (!infer) return false;
    v2(exchange, deps, { model: decoded(infer[1]!), version: infer[2] });
  }
  return true;
}

/** A path segment; one that is no valid escape stands for itself, and names no model. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function score(exchange: Exchange, deps: UserServerDeps): void {
  const { method = '', url = '' } = exchange.request;
  if (method !== 'POST' && method !== 'GET' && method !== 'OPTIONS') return exchange.fail(405, 'Method not allowed');
  const question = new Question(exchange, deps, { work: workOf('score', exchange, deps), reply: azureAnswer });
  if (method === 'GET' && !deps.pool.script.rawHttp) question.ask(Buffer.from(queryAsJson(url)));
  else question.read();
}

/** MLflow's and SageMaker's path: a script answers as on /score, a model without code by MLflow's formats. */
function invocations(exchange: Exchange, deps: UserServerDeps): void {
  const type = exchange.request.headers['content-type'];
  if (exchange.request.method !== 'POST') return exchange.fail(405, 'Method not allowed');
  if (deps.config.script === undefined && type !== undefined && !/^application\/json\b/i.test(type))
    return exchange.fail(415, `Content-Type ${type.slice(0, 100)} is not supported: send application/json`);
  new Question(exchange, deps, { work: workOf('invocations', exchange, deps), reply: azureAnswer }).read();
}

function v2(
  exchange: Exchange,
  deps: UserServerDeps,
  { model, version }: { model: string; version: string | undefined },
): void {
  if (!servedModel(deps.config, model, version))
    return exchange.fail(
      404,
      `there is no model ${model.slice(0, 200)}${version === undefined ? '' : ` version ${version.slice(0, 50)}`} here`,
    );
  const length = exchange.request.headers[HEADER.jsonLength] as string | undefined;
  if (length !== undefined && !/^\d{1,9}$/.test(length))
    return exchange.fail(400, 'Inference-Header-Content-Length must be a whole number');
  const request = forScript(exchange, deps);
  const work: Work = {
    kind: 'infer',
    model,
    ...(length !== undefined && { jsonBytes: Number(length) }),
    ...(request && { request }),
  };
  new Question(exchange, deps, { work, reply: v2Answer }).read();
}

function workOf(kind: keyof typeof PLAIN, exchange: Exchange, deps: UserServerDeps): Work {
  const request = forScript(exchange, deps);
  return request ? { kind, request } : PLAIN[kind];
}

/** Where the endpoint checks keys, they are not the script's to see. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** What a script may look at beside the body; nothing for one that does not, since it is copied to the worker. */
function forScript(
  { request: { method = '', url = '', headers } }: Exchange,
  { pool, config }: UserServerDeps,
): ScoreRequest | undefined {
  if (!pool.script.wantsRequest) return undefined;
  const seen =
    config.auth === 'Key'
      ? Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name)))
      : headers;
  return { method, url, headers: seen as Record<string, string> };
}

/** As azureml-inference-server-http: the script's JSON, or {"message": …}; x-ms-run-function-failed where run() was reached. */
function azureAnswer(exchange: Exchange, answer: Answer, deps: UserServerDeps): void {
  if (answer.id >= 0 || answer.status >= 500)
    exchange.header(HEADER.runFailed, answer.status >= 500 ? 'True' : 'False');
  if (answer.runMs !== undefined) exchange.header(HEADER.runMs, answer.runMs.toFixed(3));
  if (answer.stream)
    exchange.stream(answer.status, answer.headers ?? JSON_TYPE, streamOf(answer.stream, exchange, deps));
  else if (answer.headers) exchange.pass(answer.status, answer.body, answer.headers);
  else if (answer.status === 200) exchange.send(200, answer.body);
  else failed(exchange, answer, deps);
}

const streamOf = (
  stream: AnswerStream,
  { requestId }: Exchange,
  { logger }: UserServerDeps,
): { stream: AnswerStream; onBroken: (error: string) => void } => ({
  stream,
  onBroken: (error) => logger.error('the answer broke off', { requestId, error }),
});

function v2Answer(exchange: Exchange, answer: Answer, deps: UserServerDeps): void {
  if (answer.status !== 200) return failed(exchange, answer, deps);
  if (answer.stream) return exchange.stream(200, JSON_TYPE, streamOf(answer.stream, exchange, deps));
  if (answer.jsonBytes !== undefined) exchange.header(HEADER.jsonLength, String(answer.jsonBytes));
  exchange.send(200, answer.body, answer.jsonBytes === undefined ? 'application/json' : 'application/octet-stream');
}

/** Development shows the stack; elsewhere the request id is all a client gets. */
function failed(
  exchange: Exchange,
  { status, body, stack }: Answer,
  { config, logger, metrics }: UserServerDeps,
): void {
  const text = String(body);
  if (status === 429) {
    metrics.rejected.inc({ reason: 'busy' });
    exchange.header('retry-after', RETRY_AFTER_SECONDS);
  }
  if (status >= 500)
    logger.error(status === 504 ? text : 'run() failed', {
      requestId: exchange.requestId,
      traceId: traceOf(exchange.request.headers.traceparent),
      error: stack,
    });
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
  return JSON.stringify(
    Object.fromEntries(
      [...new Set(query.keys())].map((key) => {
        const values = query.getAll(key).map(parsed);
        return [key, values.length === 1 ? values[0] : values];
      }),
    ),
  );
}
