/**
 * The private fields of node:http that Penstock uses, and no others. Without the fields of the head, node:http writes
 * it. Nothing replaces `_httpMessage`: test/unit/packages/server/nodeInternals.test.ts fails where it is missing.
 */
import type { ServerResponse } from 'node:http';

interface Internals {
  _header?: string | null;
  _keepAliveTimeout?: number;
}

/** The response that node:http is writing on a connection. */
export interface ResponseInProgress {
  readonly headersSent: boolean;
  /** `complete`: its request was read completely. */
  readonly req: { readonly complete: boolean };
  statusCode: number;
}

/** Undefined while no request is being handled on the connection. */
export const responseInProgress = (connection: object): ResponseInProgress | undefined =>
  (connection as { _httpMessage?: ResponseInProgress | null })._httpMessage ?? undefined;

/** The head of a response as it will be sent. Null before it is written; undefined where Node has no such field. */
export const writtenHead = (response: ServerResponse): string | null | undefined => (response as Internals)._header;

/** Sets the head in place of writeHead(). */
export function setWrittenHead(response: ServerResponse, head: string): void {
  (response as Internals)._header = head;
}

/** Sets the timeout in the header Keep-Alive, for a response without a server. */
export function setKeepAliveTimeout(response: ServerResponse, ms: number): void {
  (response as Internals)._keepAliveTimeout = ms;
}
