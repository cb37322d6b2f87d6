/** What becomes of a request that a door to the endpoint cannot read. */

/** A node:http server's connection, as far as one must know it: what came on it, and the answer that it is at. */
export interface ClientSocket {
  readonly writable: boolean;
  readonly bytesRead: number;
  write: (text: string) => unknown;
  destroy: () => unknown;
  _httpMessage?: ResponseInProgress | null;
}

interface ResponseInProgress {
  readonly headersSent: boolean;
  /** `complete`: all of its request was read, so that it is another one that cannot be. */
  readonly req: { readonly complete: boolean };
  statusCode: number;
}

/** By the code of node:http's clientError; RFC 9110 §15.5, RFC 6585 §5. */
const STATUS: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
};

/** The client has closed its side in the middle. */
const CLIENT_CLOSED = 'HPE_INVALID_EOF_STATE';

/**
 * For clientError: says why, in JSON, and ends the connection. Nothing is said over the answer to an earlier request; nor to
 * who leaves before a body is whole; nor where nothing has come, since that would be taken for the answer to a request just on its way.
 * Whoever was about to answer the request finds its status set and its connection gone, as if the client had left.
 */
export function rejectMalformedRequest(code: string | undefined, caller: ClientSocket): void {
  const { writable, bytesRead, _httpMessage: answering } = caller;
  const ownAnswer = !answering || (!answering.headersSent && !answering.req.complete && code !== CLIENT_CLOSED);
  if (writable && bytesRead > 0 && ownAnswer) {
    const [status, reason] = STATUS[code ?? ''] ?? [400, 'Bad Request'];
    const body = JSON.stringify({ message: `The request could not be read: ${reason}` });
    caller.write(
      `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    if (answering) answering.statusCode = status;
  }
  caller.destroy();
}
