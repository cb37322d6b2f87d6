/** Status and headers of a response that a script makes. */
import { validateHeaderValue } from 'node:http';

/** Headers that node:http sets itself, or that would break the connection. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'x-request-id',
  'x-ms-request-id',
  'x-ms-client-request-id',
  'x-ms-run-function-failed',
  'x-ms-run-fn-exec-ms',
  'date',
]);

/**
 * The status, and names in lower case and values in turn, without the headers that the scorer sets. Throws for a status
 * that is not a final one, and for a value that HTTP does not allow.
 */
export function scriptHead(
  status: number,
  headers: Iterable<[name: string, value: string]>,
): { status: number; headers: string[] } {
  if (!(status >= 200 && status <= 599)) throw new Error(`a response cannot have status ${status}`);
  const allowed = [...headers]
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => !RESERVED.has(name));
  for (const [name, value] of allowed) validateHeaderValue(name, value);
  return { status, headers: allowed.flat() };
}
