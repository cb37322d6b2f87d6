/** The head of an answer in one piece. node:http checks and joins header by header, which is a sixth of what a small answer costs (docs/adr/0016). */
import { isFieldValue } from '@penstock/contract';
import { IncomingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import { Socket } from 'node:net';

/**
 * Clients are told to use a connection no longer than this after an answer (the header Keep-Alive), and a pod that ends
 * closes none earlier, so that no request meets a connection on its way out. Who does not listen is kept for longer.
 */
export const KEEP_ALIVE_SECONDS = 5;

/** What all answers of a server say, as a list of names and values in turn, and as it goes over the wire. */
export interface CommonHeaders {
  readonly list: readonly string[];
  readonly lines: string;
}

/** Throws where node:http would refuse a name or a value. */
export function commonHeaders(list: readonly string[]): CommonHeaders {
  let lines = '';
  for (let i = 0; i < list.length; i += 2) {
    validateHeaderName(list[i]!);
    validateHeaderValue(list[i]!, list[i + 1]!);
    lines += `${list[i]}: ${list[i + 1]}\r\n`;
  }
  return { list, lines };
}

/**
 * Writes the head of an answer with status 200 on a connection that is kept, byte for byte as node:http would. False, and
 * nothing done, when that is for node:http: the connection ends with this answer, or a value is none (it throws then), or
 * this Node writes other heads. The names in `headers` are ours, and content-length is among them. `_header` is where
 * node:http keeps a head that is written.
 */
export function writeOkHead(response: ServerResponse, { lines }: CommonHeaders, headers: readonly string[]): boolean {
  const written = response as Written;
  if (!nodeWritesSameHead || written._header !== null || !response.shouldKeepAlive) return false;
  let own = '';
  for (let i = 0; i < headers.length; i += 2) {
    if (!isFieldValue(headers[i + 1]!)) return false;
    own += `${headers[i]}: ${headers[i + 1]}\r\n`;
  }
  response.statusCode = 200;
  response.statusMessage = 'OK';
  written._header = okHead(lines + own, date());
  return true;
}

type Written = ServerResponse & { _header?: string | null; _keepAliveTimeout?: number };

const okHead = (lines: string, when: string): string =>
  `HTTP/1.1 200 OK\r\n${lines}Date: ${when}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_SECONDS}\r\n\r\n`;

/** Looked at once, with an answer that goes nowhere: no release of Node has promised to write heads as this one does. */
const nodeWritesSameHead = ((): boolean => {
  const response: Written = new ServerResponse(new IncomingMessage(new Socket()));
  [response.shouldKeepAlive, response._keepAliveTimeout] = [true, KEEP_ALIVE_SECONDS * 1000];
  response.writeHead(200, ['content-length', '0']);
  const when = /\r\nDate: ([^\r]*)/.exec(response._header ?? '')?.[1] ?? '';
  return response._header === okHead('content-length: 0\r\n', when);
})();

let second = 0;
let text = '';

/** RFC 9110 §5.6.7, anew each second. */
function date(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) [second, text] = [now, new Date(now * 1000).toUTCString()];
  return text;
}
