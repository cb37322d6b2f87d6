/** The routes that score: Azure's /score, MLflow's /invocations, the V2 infer. On bare node:http. */
import { HEADER } from '@penstock/contract';
import type { ResponseStream } from '../run/responseStream.ts';
import type { ScoreResponse, ScoreRequest, Work } from '../run/messages.ts';
import { traceOf } from './accessLog.ts';
import type { RequestContext } from './requestContext.ts';
import { ScoringRequest, RUN_FAILED } from './scoringRequest.ts';
import { servedModel } from './servedModel.ts';
import type { InferenceServerDeps } from './inferenceServer.ts';

const INFER = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer$/;
const RETRY_AFTER_SECONDS = '1';
const JSON_TYPE = ['content-type', 'application/json'];
/** The same objects for all requests: a message says what they are once. */
const PLAIN = { score: { kind: 'score' }, invocations: { kind: 'invocations' } } as const;

/** Answers a request for a score, now or later; false for any other. */
export function scoringRoutes(context: RequestContext, deps: InferenceServerDeps): boolean {
  const { method } = context.request;
  if (
    (context.path === '/score' || context.path === '/score/') &&
    (method !== 'OPTIONS' || deps.dispatcher.script.rawHttp)
  )
    score(context, deps);
  else if (context.path === '/invocations' || context.path === '/invocations/') invocations(context, deps);
  else {
    const match = method === 'POST' ? INFER.exec(context.path) : null;
    if (!match) return false;
    infer(context, deps, { model: decoded(match[1]!), version: match[2] });
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

function score(context: RequestContext, deps: InferenceServerDeps): void {
  const { method = '', url = '' } = context.request;
  if (method !== 'POST' && method !== 'GET' && method !== 'OPTIONS') return context.fail(405, 'Method not allowed');
  const scoring = new ScoringRequest(context, deps, {
    work: workOf('score', context, deps),
    writeResponse: writeAzureResponse,
  });
  if (method === 'GET' && !deps.dispatcher.script.rawHttp) scoring.dispatch(Buffer.from(queryAsJson(url)));
  else scoring.read();
}

/** MLflow's and SageMaker's path: a script answers as on /score, a model without code by MLflow's formats. */
function invocations(context: RequestContext, deps: InferenceServerDeps): void {
  const type = context.request.headers['content-type'];
  if (context.request.method !== 'POST') return context.fail(405, 'Method not allowed');
  if (deps.config.script === undefined && type !== undefined && !/^application\/json\b/i.test(type))
    return context.fail(415, `Content-Type ${type.slice(0, 100)} is not supported: send application/json`);
  new ScoringRequest(context, deps, {
    work: workOf('invocations', context, deps),
    writeResponse: writeAzureResponse,
  }).read();
}

function infer(
  context: RequestContext,
  deps: InferenceServerDeps,
  { model, version }: { model: string; version: string | undefined },
): void {
  if (!servedModel(deps.config, model, version))
    return context.fail(
      404,
      `there is no model ${model.slice(0, 200)}${version === undefined ? '' : ` version ${version.slice(0, 50)}`} here`,
    );
  const length = context.request.headers[HEADER.jsonLength] as string | undefined;
  if (length !== undefined && !/^\d{1,9}$/.test(length))
    return context.fail(400, 'Inference-Header-Content-Length must be a whole number');
  const request = requestForScript(context, deps);
  const work: Work = {
    kind: 'infer',
    model,
    ...(length !== undefined && { jsonBytes: Number(length) }),
    ...(request && { request }),
  };
  new ScoringRequest(context, deps, { work, writeResponse: writeInferResponse }).read();
}

function workOf(kind: keyof typeof PLAIN, context: RequestContext, deps: InferenceServerDeps): Work {
  const request = requestForScript(context, deps);
  return request ? { kind, request } : PLAIN[kind];
}

/** Where the endpoint checks keys, they are not the script's to see. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** What a script may look at beside the body; nothing for one that does not, since it is copied to the worker. */
function requestForScript(
  { request: { method = '', url = '', headers } }: RequestContext,
  { dispatcher, config }: InferenceServerDeps,
): ScoreRequest | undefined {
  if (!dispatcher.script.wantsRequest) return undefined;
  const seen =
    config.auth === 'Key'
      ? Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name)))
      : headers;
  return { method, url, headers: seen as Record<string, string> };
}

/** As azureml-inference-server-http: the script's JSON, or {"message": …}; x-ms-run-function-failed where run() was reached. */
function writeAzureResponse(context: RequestContext, response: ScoreResponse, deps: InferenceServerDeps): void {
  if (response.id >= 0 || response.status >= 500)
    context.header(HEADER.runFailed, response.status >= 500 ? 'True' : 'False');
  if (response.runMs !== undefined) context.header(HEADER.runMs, response.runMs.toFixed(3));
  if (response.stream)
    context.stream(response.status, response.headers ?? JSON_TYPE, streamOf(response.stream, context, deps));
  else if (response.headers) context.sendRaw(response.status, response.body, response.headers);
  else if (response.status === 200) context.send(200, response.body);
  else writeError(context, response, deps);
}

const streamOf = (
  stream: ResponseStream,
  { requestId }: RequestContext,
  { logger }: InferenceServerDeps,
): { stream: ResponseStream; onBroken: (error: string) => void } => ({
  stream,
  onBroken: (error) => logger.error('the answer broke off', { requestId, error }),
});

function writeInferResponse(context: RequestContext, response: ScoreResponse, deps: InferenceServerDeps): void {
  if (response.status !== 200) return writeError(context, response, deps);
  if (response.stream) return context.stream(200, JSON_TYPE, streamOf(response.stream, context, deps));
  if (response.jsonBytes !== undefined) context.header(HEADER.jsonLength, String(response.jsonBytes));
  context.send(200, response.body, response.jsonBytes === undefined ? 'application/json' : 'application/octet-stream');
}

/** Development shows the stack; elsewhere the request id is all a client gets. */
function writeError(
  context: RequestContext,
  { status, body, stack }: ScoreResponse,
  { config, logger, metrics }: InferenceServerDeps,
): void {
  const text = String(body);
  if (status === 429) {
    metrics.rejected.inc({ reason: 'busy' });
    context.header('retry-after', RETRY_AFTER_SECONDS);
  }
  if (status >= 500)
    logger.error(status === 504 ? text : 'run() failed', {
      requestId: context.requestId,
      traceId: traceOf(context.request.headers.traceparent),
      error: stack,
    });
  context.fail(status, status !== 500 ? text : config.exposeErrors ? (stack ?? text) : RUN_FAILED);
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
