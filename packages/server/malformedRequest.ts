/** The `clientError` handler: responds with 4xx to a malformed or timed-out request. */
import { responseInProgress } from './nodeInternals.ts';

/** The used part of a connection of node:http. */
export interface ClientSocket {
  readonly writable: boolean;
  readonly bytesRead: number;
  write: (text: string) => unknown;
  destroy: () => unknown;
}

/** By the code of the clientError event (RFC 9110 §15.5, RFC 6585 §5). */
const STATUS: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
};

/** The client closed its side before the end of the request. */
const CLIENT_CLOSED = 'HPE_INVALID_EOF_STATE';

/**
 * Responds with a status and JSON, and closes the connection. No response is written into the response to an earlier
 * request, to a client that closed its side, or where no byte has arrived, because the client could read it as the
 * response to a request that it just sent. A handler of the request finds its status set and its connection closed.
 */
export function rejectMalformedRequest(code: string | undefined, socket: ClientSocket): void {
  const { writable, bytesRead } = socket;
  const response = responseInProgress(socket);
  // a request that was read completely: the malformed one is a later one
  const mayRespond = !response || (!response.headersSent && !response.req.complete && code !== CLIENT_CLOSED);
  if (writable && bytesRead > 0 && mayRespond) {
    const [status, reason] = STATUS[code ?? ''] ?? [400, 'Bad Request'];
    const body = JSON.stringify({ message: `The request could not be read: ${reason}` });
    socket.write(
      `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    if (response) response.statusCode = status;
  }
  socket.destroy();
}
