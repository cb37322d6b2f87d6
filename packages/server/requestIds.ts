/** Request ids as azureml-inference-server-http 1.5 returns them. */
import { HEADER } from '@penstock/contract';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const MAX_ID_LENGTH = 100;

export interface RequestIds {
  /** Names and values in turn; the request id is first. */
  headers: string[];
  /** Why the request gets 431: an id is too long. */
  problem?: string;
}

/** Returns the client's own ids, or new ones. The client request id is returned only if the client sent an id. */
export function requestIds(headers: IncomingHttpHeaders): RequestIds {
  const given = headers[HEADER.requestId] as string | undefined;
  const ms = headers[HEADER.msRequestId] as string | undefined;
  const client = (headers[HEADER.msClientRequestId] ?? ms) as string | undefined;
  if (isTooLong(given)) return refused(randomUUID(), `${HEADER.requestId} must not exceed ${MAX_ID_LENGTH} characters`);
  const requestId = given ?? randomUUID();
  if (isTooLong(ms) || isTooLong(client))
    return refused(
      requestId,
      `${HEADER.msRequestId} and ${HEADER.msClientRequestId} must not exceed ${MAX_ID_LENGTH} characters`,
    );
  const ids = [HEADER.requestId, requestId, HEADER.msRequestId, ms ?? client ?? requestId];
  if (client !== undefined) ids.push(HEADER.msClientRequestId, client);
  return { headers: ids };
}

const isTooLong = (id: string | undefined): boolean => id !== undefined && id.length > MAX_ID_LENGTH;

const refused = (requestId: string, problem: string): RequestIds => ({
  headers: [HEADER.requestId, requestId],
  problem,
});
