/** Which Authorization headers open an endpoint. */
import { authorized, keyHash } from '@penstock/server/auth';
import { expect } from 'chai';

const KEY = 'k'.repeat(32);
const rows: [string, string | undefined, string[], boolean][] = [
  ['a key', `Bearer ${KEY}`, [keyHash(KEY)], true],
  ['the second of two keys', `Bearer ${KEY}`, [keyHash('another'), keyHash(KEY)], true],
  ['the scheme in lower case', `bearer ${KEY}`, [keyHash(KEY)], true],
  ['another key', 'Bearer other', [keyHash(KEY)], false],
  ['another scheme', `Basic ${KEY}`, [keyHash(KEY)], false],
  ['a key and more', `Bearer ${KEY} x`, [keyHash(KEY)], false],
  ['no keys', `Bearer ${KEY}`, [], false],
  ['no header, beside the hash of an empty key', undefined, [keyHash('')], false],
  ['an empty key, beside the hash of an empty key', 'Bearer ', [keyHash('')], false],
  ['a hash of another length', `Bearer ${KEY}`, ['abcd'], false],
];

describe('authorized', () => {
  for (const [what, header, hashes, expected] of rows)
    it(`${what}: ${expected ? 'yes' : 'no'}`, () => expect(authorized(header, hashes)).to.equal(expected));
});
