/** Bearer keys, compared as hashes in constant time: the pod never holds a key. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** True when `authorization` is `Bearer <key>` and the key's SHA-256 is one of `hashes` (hex). Looks at every hash. */
export function authorized(authorization: string | undefined, hashes: readonly string[]): boolean {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const presented = createHash('sha256').update(key ?? '').digest();
  let found = false;
  for (const hash of hashes) {
    const expected = Buffer.from(hash, 'hex');
    if (expected.length === presented.length && timingSafeEqual(expected, presented)) found = true;
  }
  return found && key !== undefined;
}
