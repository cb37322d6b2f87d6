/** Request ids as azureml-inference-server-http 1.5 gives them back. */
import { HEADER } from '@penstock/contract';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const MAX_ID_LENGTH = 100;

export interface RequestIds {
  /** Names and values in turn, the request id first. */
  headers: string[];
  /** An id that is too long: 431 with this sentence. */
  problem?: string;
}

/** Echoes what came, makes up what did not; only a client's own ids come back as client id. */
export function requestIds(headers: IncomingHttpHeaders): RequestIds {
  const [given, ms, client] = [
    headers[HEADER.requestId],
    headers[HEADER.msRequestId],
    headers[HEADER.msClientRequestId],
  ] as (string | undefined)[];
  if (given !== undefined && given.length > MAX_ID_LENGTH)
    return {
      headers: [HEADER.requestId, randomUUID()],
      problem: `${HEADER.requestId} must not exceed ${MAX_ID_LENGTH} characters`,
    };
  const requestId = given ?? randomUUID();
  if ((ms ?? client ?? '').length > MAX_ID_LENGTH || (client ?? '').length > MAX_ID_LENGTH)
    return {
      headers: [HEADER.requestId, requestId],
      problem: `${HEADER.msRequestId} and ${HEADER.msClientRequestId} must not exceed ${MAX_ID_LENGTH} characters`,
    };
  const clientId = client ?? ms;
  const ids = [HEADER.requestId, requestId, HEADER.msRequestId, ms ?? clientId ?? requestId];
  if (clientId !== undefined) ids.push(HEADER.msClientRequestId, clientId);
  return { headers: ids };
}
