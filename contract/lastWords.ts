/** What a door to the endpoint says to a request that it cannot read. */

/** A node:http server's connection, as far as one must know it: what came on it, and the answer that it is at. */
export interface Caller {
  writable: boolean;
  bytesRead: number;
  _httpMessage?: { headersSent: boolean; req: { complete: boolean } } | null;
}

/** RFC 9110 §15.5, RFC 6585 §5. */
const STATUS: Record<string, string> = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' };

/**
 * The whole answer, as it goes over the wire before the connection is closed; `code`: that of node:http's clientError. Undefined
 * where nothing may be said: over the answer to an earlier request, and on a connection on which nothing has come, since
 * that would be taken for the answer to a request just on its way.
 */
export function lastWords(code: string | undefined, { writable, bytesRead, _httpMessage: answering }: Caller): string | undefined {
  if (!writable || bytesRead === 0 || answering?.headersSent || answering?.req.complete) return undefined;
  const status = STATUS[code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({ message: `The request could not be read: ${status.slice(4)}` });
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}
