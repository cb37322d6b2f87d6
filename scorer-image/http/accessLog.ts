/**
 * One log line per request with the fields of Azure ML's AmlOnlineEndpointTrafficLog, so that existing queries work.
 * Off by default.
 */
import { HEADER } from '@penstock/contract';
import { STATUS_CODES } from 'node:http';
import type { Logger } from '@penstock/server/logger';
import type { ScorerConfig } from '../config.ts';
import type { RequestContext } from './requestContext.ts';

/** The trace id of a W3C traceparent. */
export function traceOf(traceparent: string | string[] | undefined): string | undefined {
  return typeof traceparent === 'string'
    ? /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1]
    : undefined;
}

/** Logs the request when its response is sent or its client has disconnected. */
export function logAccess(context: RequestContext, { pipeline, revision, auth }: ScorerConfig, logger: Logger): void {
  const { request, response, path, started, headers, requestId } = context;
  let received = started; // if the body is not read, there is no end event
  request.once('end', () => (received = performance.now()));
  const given = (name: string): string | undefined => {
    const at = headers.findIndex((one, i) => i % 2 === 0 && one === name);
    return at < 0 ? undefined : headers[at + 1];
  };
  response.once('close', () => {
    const failed = given(HEADER.runFailed);
    logger.info('access', {
      Method: request.method,
      Path: path,
      Protocol: `HTTP/${request.httpVersion}`,
      ResponseCode: context.finalStatus,
      ResponseCodeReason: response.headersSent
        ? response.statusMessage
        : (STATUS_CODES[context.finalStatus] ?? 'Client Closed Request'),
      ...(failed !== undefined && {
        ModelStatusCode: response.statusCode,
        ModelStatusReason: failed === 'True' ? 'run() failed' : 'OK',
      }),
      RequestPayloadSize: Number(request.headers['content-length'] ?? 0),
      ResponsePayloadSize: Number(given('content-length') ?? 0),
      TotalDurationMs: Math.round((performance.now() - started) * 1000) / 1000,
      RequestDurationMs: Math.round((received - started) * 1000) / 1000,
      UserAgent: request.headers['user-agent'],
      XRequestId: requestId,
      XMSClientRequestId: given(HEADER.msClientRequestId),
      TraceId: traceOf(request.headers.traceparent),
      EndpointName: pipeline,
      DeploymentName: revision,
      AuthType: auth,
    });
  });
}
