/** Keys of endpoints. Only their users have them; Penstock passes on their hashes. */
import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (key: string | Uint8Array): Buffer => createHash('sha256').update(key).digest();

/** SHA-256 of a key (hex), for the traffic table and the activator. */
export const keyHash = (key: string | Uint8Array): string => digest(key).toString('hex');

/**
 * True when `authorization` is `Bearer <key>` and the key's SHA-256 is one of `hashes` (hex). Compares all of them in
 * constant time.
 */
export function authorized(authorization: string | undefined, hashes: readonly string[]): boolean {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const presented = digest(key ?? '');
  let found = false;
  for (const hash of hashes) {
    const expected = Buffer.from(hash, 'hex');
    if (expected.length === presented.length && timingSafeEqual(expected, presented)) found = true;
  }
  return found && key !== undefined;
}

/** The message of a 401. It names nothing of the cluster, because the client is unknown. */
export const unauthorizedMessage = (authorization: string | undefined): string =>
  authorization === undefined
    ? 'Missing credentials: send the header Authorization: Bearer <key>, with one of the two keys of this endpoint'
    : 'Invalid credentials: the key is not one of the two keys of this endpoint';
