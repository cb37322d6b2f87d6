/** Request ids as azureml-inference-server-http 1.5 gives them back. */
import { HEADER } from '@penstock/contract';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const LONGEST = 100;

export interface RequestIds {
  requestId: string;
  headers: Record<string, string>;
  /** An id that is too long: 431 with this sentence. */
  problem?: string;
}

/** Echoes what came, makes up what did not; only a client's own ids come back as client id. */
export function requestIds(headers: IncomingHttpHeaders): RequestIds {
  const one = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const [given, ms, client] = [one(HEADER.requestId), one(HEADER.msRequestId), one(HEADER.msClientRequestId)];
  const requestId = given === undefined || given.length > LONGEST ? randomUUID() : given;
  const clientId = client ?? ms;
  const echoed = { [HEADER.requestId]: requestId, [HEADER.msRequestId]: ms ?? client ?? requestId, ...(clientId === undefined ? {} : { [HEADER.msClientRequestId]: clientId }) };
  if ((given ?? '').length > LONGEST) return { requestId, headers: { [HEADER.requestId]: requestId }, problem: `${HEADER.requestId} must not exceed ${LONGEST} characters` };
  if ((ms ?? '').length > LONGEST || (client ?? '').length > LONGEST) return { requestId, headers: { [HEADER.requestId]: requestId }, problem: `${HEADER.msRequestId} and ${HEADER.msClientRequestId} must not exceed ${LONGEST} characters` };
  return { requestId, headers: echoed };
}
