/** Passes a held request on to a pod as it came, and the answer back as it comes. */
import { isFieldValue } from '@penstock/contract';
import { request as send, type IncomingMessage } from 'node:http';
import type { BufferedRequest } from './bufferedRequest.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** Beyond the pipeline's requestTimeout, within which a pod answers 504 itself: for a node that has vanished. */
export const UPSTREAM_IDLE_MS = 30_000;

/** Headers that are between two neighbours only (RFC 9110 §7.6.1), and `expect`, which has been answered. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect']);

export interface Target {
  address: string;
  port: number;
  requestTimeoutMs: number;
}

/** Resolves with whether the pod was reached. If it was not, nothing was sent, and another may be asked. */
export function forward(held: BufferedRequest, { address, port, requestTimeoutMs }: Target): Promise<boolean> {
  const { request, response } = held;
  return new Promise((resolve) => {
    let reached = false;
    const upstream = send({
      host: address,
      port,
      method: request.method,
      path: request.url,
      headers: [...endToEnd(request), 'connection', 'keep-alive'],
      agent: false,
      timeout: requestTimeoutMs + UPSTREAM_IDLE_MS,
    });
    const connecting = setTimeout(() => upstream.destroy(new Error('no connection')), CONNECT_TIMEOUT_MS);
    const leave = (): void => void upstream.destroy();
    response.once('close', leave);
    upstream.once('socket', (socket) =>
      socket.once('connect', () => {
        reached = true;
        clearTimeout(connecting);
        upstream.flushHeaders(); // the pod watches over the time that a body takes
        request.pipe(upstream);
      }),
    );
    upstream.once('timeout', leave);
    upstream.once('response', (answer) => {
      if (!isWritable(answer)) {
        upstream.destroy();
        held.fail(502, 'The pod gave an answer that is not valid HTTP');
        return;
      }
      const early = !request.complete; // the rest of the body is of no interest any more: neither connection may break under the answer
      if (early) {
        request.unpipe(upstream);
        held.drain();
      }
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [
        ...endToEnd(answer),
        ...(early ? [] : ['connection', 'close']),
      ]); // the next one goes straight to a pod
      answer.once('end', leave);
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    upstream.once('error', () => {
      if (reached && !held.responded) held.fail(502, 'The connection to the pod broke before it had answered');
      if (reached && response.headersSent && !response.writableFinished) response.destroy();
    });
    upstream.once('close', () => {
      clearTimeout(connecting);
      response.off('close', leave);
      resolve(reached || response.destroyed);
    });
  });
}

/** Whether node:http will write it on: RFC 9110 §15, RFC 9112 §4. An answer of a pod is a script's, and may be anything. */
function isWritable({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode <= 599 && isFieldValue(statusMessage) && rawHeaders.every(isFieldValue);
}

/** Headers that frame the message or say who asks: Connection cannot take them away. */
const NEVER_HOP_BY_HOP = new Set(['content-length', 'transfer-encoding', 'host', 'authorization']);

/** Raw headers in their order, without those of the connection. */
function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = new Set(
    (headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  return rawHeaders.filter((_, i) => {
    const name = rawHeaders[i - (i % 2)]!.toLowerCase();
    return !HOP_BY_HOP.has(name) && (!named.has(name) || NEVER_HOP_BY_HOP.has(name));
  });
}
