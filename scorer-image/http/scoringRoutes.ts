/** The scoring routes: Azure ML's /score, MLflow's /invocations, V2 infer. On node:http, without express. */
import { HEADER } from '@penstock/contract';
import { rejection, type Rejection } from '../rejections.ts';
import type { ResponseStream } from '../run/responseStream.ts';
import type { ScoreRequest } from '../protocols/messages.ts';
import type { ScoreResponse, Work } from '../run/messages.ts';
import { traceOf } from './accessLog.ts';
import type { RequestContext } from './requestContext.ts';
import { ScoringRequest } from './scoringRequest.ts';
import { servedModel } from './servedModel.ts';
import type { InferenceServerDeps } from './deps.ts';

const INFER = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer$/;
const RETRY_AFTER_SECONDS = '1';
const JSON_TYPE = ['content-type', 'application/json'];
/** Shared objects: a message to a worker contains each of them once. */
const PLAIN = { score: { kind: 'score' }, invocations: { kind: 'invocations' } } as const;

/** Handles a scoring request. Returns false for any other request. */
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

/** A decoded path segment; an invalid escape is returned as it is, and matches no model. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function score(context: RequestContext, deps: InferenceServerDeps): void {
  const { method = '', url = '' } = context.request;
  if (method !== 'POST' && method !== 'GET' && method !== 'OPTIONS')
    return context.reject(rejection('methodNotAllowed'));
  const scoring = new ScoringRequest(context, deps, {
    work: workOf('score', context, deps),
    writeResponse: writeAzureResponse,
  });
  if (method === 'GET' && !deps.dispatcher.script.rawHttp) scoring.dispatch(Buffer.from(queryAsJson(url)));
  else scoring.read();
}

/** The path of MLflow and SageMaker: a script gets it as /score, a model without code takes MLflow's formats. */
function invocations(context: RequestContext, deps: InferenceServerDeps): void {
  const type = context.request.headers['content-type'];
  if (context.request.method !== 'POST') return context.reject(rejection('methodNotAllowed'));
  if (
    deps.config.script === undefined &&
    !deps.config.server &&
    type !== undefined &&
    !/^application\/json\b/i.test(type)
  )
    return context.reject(rejection('unsupportedType', { type: type.slice(0, 100) }));
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
  if (!servedModel(deps.config, model, version)) return context.reject(noSuchModel(model, version));
  const length = context.request.headers[HEADER.jsonLength] as string | undefined;
  if (length !== undefined && !/^\d{1,9}$/.test(length)) return context.reject(rejection('invalidJsonLength'));
  const request = requestForScript(context, deps);
  const work: Work = {
    kind: 'infer',
    model,
    ...(length !== undefined && { jsonBytes: Number(length) }),
    ...(request && { request }),
  };
  new ScoringRequest(context, deps, { work, writeResponse: writeInferResponse }).read();
}

const noSuchModel = (model: string, version: string | undefined): Rejection =>
  version === undefined
    ? rejection('noSuchModel', { model: model.slice(0, 200) })
    : rejection('noSuchModelVersion', { model: model.slice(0, 200), version: version.slice(0, 50) });

function workOf(kind: keyof typeof PLAIN, context: RequestContext, deps: InferenceServerDeps): Work {
  const request = requestForScript(context, deps);
  return request ? { kind, request } : PLAIN[kind];
}

/** A script does not get these headers where the endpoint checks keys. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization', 'cookie']);

/**
 * Method, URL and headers for a script that reads them; undefined for others, because they are copied to the worker.
 */
function requestForScript(
  { requestId, request: { method = '', url = '', headers } }: RequestContext,
  { dispatcher, config }: InferenceServerDeps,
): ScoreRequest | undefined {
  if (!dispatcher.script.wantsRequest) return undefined;
  const seen =
    config.auth === 'Key'
      ? Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name)))
      : headers;
  return { method, url, headers: seen as Record<string, string>, requestId };
}

/**
 * As azureml-inference-server-http: the JSON of the script, or {"message": …}. x-ms-run-function-failed is set if run()
 * was called or the server failed.
 */
function writeAzureResponse(context: RequestContext, response: ScoreResponse, deps: InferenceServerDeps): void {
  if (response.kind === 'result' || response.status >= 500)
    context.header(HEADER.runFailed, response.status >= 500 ? 'True' : 'False');
  if (response.kind === 'rejected') return writeError(context, response, deps);
  const { status, body, headers, stream, runMs } = response;
  if (runMs !== undefined) context.header(HEADER.runMs, runMs.toFixed(3));
  if (stream) context.stream(status, headers ?? JSON_TYPE, streamOf(stream, context, deps));
  else if (headers) context.sendRaw(status, body, headers);
  else if (status === 200) context.send(200, body);
  else writeError(context, response, deps);
}

const streamOf = (
  stream: ResponseStream,
  { requestId }: RequestContext,
  { logger }: InferenceServerDeps,
): { stream: ResponseStream; onBroken: (error: string) => void } => ({
  stream,
  onBroken: (error) => logger.error('the response broke off', { requestId, error }),
});

function writeInferResponse(context: RequestContext, response: ScoreResponse, deps: InferenceServerDeps): void {
  if (response.kind === 'rejected' || response.status !== 200) return writeError(context, response, deps);
  const { body, stream, jsonBytes } = response;
  if (jsonBytes !== undefined) context.header(HEADER.jsonLength, String(jsonBytes));
  const type = jsonBytes === undefined ? 'application/json' : 'application/octet-stream';
  if (stream) context.stream(200, ['content-type', type], streamOf(stream, context, deps));
  else context.send(200, body, type);
}

/** With exposeErrors the client gets the stack; otherwise it gets the request id only. */
function writeError(
  context: RequestContext,
  response: ScoreResponse,
  { config, logger, metrics }: InferenceServerDeps,
): void {
  const { status, stack } = response;
  const message = response.kind === 'rejected' ? response.message : String(response.body);
  if (status === 429) {
    metrics.rejected.inc({ reason: 'busy' });
    context.header('retry-after', RETRY_AFTER_SECONDS);
  }
  if (status >= 500)
    logger.error(status === 504 ? message : 'run() failed', {
      requestId: context.requestId,
      traceId: traceOf(context.request.headers.traceparent),
      error: stack,
    });
  if (status !== 500) context.reject({ status, message });
  else context.reject(config.exposeErrors ? { status, message: stack ?? message } : rejection('runFailed'));
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
