/** Forwards a buffered request to a pod unchanged, and streams the response back. */
import { endToEnd, isFieldValue } from '@penstock/server/messageHeaders';
import { request as send, type IncomingMessage } from 'node:http';
import type { BufferedRequest } from './bufferedRequest.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** Added to the pipeline's requestTimeout, after which a pod itself responds 504: for a node that is gone. */
export const UPSTREAM_IDLE_MS = 30_000;

export interface Target {
  address: string;
  port: number;
  requestTimeoutMs: number;
}

/**
 * Resolves with false when the pod could not be reached: nothing was sent, so the request may be tried again. A pod
 * that sends nothing for `requestTimeoutMs` and `idleMs` is given up. Its time is that of the sockets, not of a clock.
 */
export function forward(
  buffered: BufferedRequest,
  { address, port, requestTimeoutMs }: Target,
  idleMs = UPSTREAM_IDLE_MS,
): Promise<boolean> {
  const { request, response } = buffered;
  return new Promise((resolve) => {
    let reached = false;
    const upstream = send({
      host: address,
      port,
      method: request.method,
      path: request.url,
      headers: [...endToEnd(request), 'connection', 'keep-alive'],
      agent: false,
      timeout: requestTimeoutMs + idleMs,
    });
    const connecting = setTimeout(() => upstream.destroy(new Error('no connection')), CONNECT_TIMEOUT_MS);
    const leave = (): void => void upstream.destroy();
    response.once('close', leave);
    upstream.once('socket', (socket) =>
      socket.once('connect', () => {
        reached = true;
        clearTimeout(connecting);
        upstream.flushHeaders(); // the pod checks how fast the body arrives
        request.pipe(upstream);
      }),
    );
    upstream.once('timeout', leave);
    upstream.once('response', (answer) => {
      if (!isWritable(answer)) {
        upstream.destroy();
        buffered.fail(502, 'The pod sent a response that is not valid HTTP');
        return;
      }
      // nothing reads the rest of the body; neither connection may break before the response is sent
      const early = !request.complete;
      if (early) {
        request.unpipe(upstream);
        buffered.drain();
      }
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [
        ...endToEnd(answer),
        ...(early ? [] : ['connection', 'close']),
      ]); // the next request goes to a pod directly
      answer.once('end', leave);
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    upstream.once('error', () => {
      if (reached && !buffered.responded) buffered.fail(502, 'The connection to the pod broke before it responded');
      if (reached && response.headersSent && !response.writableFinished) response.destroy();
    });
    upstream.once('close', () => {
      clearTimeout(connecting);
      response.off('close', leave);
      resolve(reached || response.destroyed);
    });
  });
}

/** Whether node:http can write this response (RFC 9110 §15, RFC 9112 §4): a script may have set any header. */
function isWritable({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode <= 599 && isFieldValue(statusMessage) && rawHeaders.every(isFieldValue);
}
