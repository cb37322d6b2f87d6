/** The annotation of the activator's EndpointSlice, which any account that may write EndpointSlices may edit. */
import { expect } from 'chai';
import { parseActivation } from '../../../../operator/api/activation.ts';

const valid = { revision: 'iris-1', auth: 'Key', keyHashes: ['a'], requestTimeoutMs: 5000, maxConcurrentRequests: 16 };
const invalid: [string, unknown][] = [
  ['no JSON', undefined],
  ['null', null],
  ['a list', []],
  ['no revision', { ...valid, revision: undefined }],
  ['another mode', { ...valid, auth: 'Token' }],
  ['hashes that are no list', { ...valid, keyHashes: 'a' }],
  ['hashes that are no strings', { ...valid, keyHashes: [1] }],
  ['no timeout', { ...valid, requestTimeoutMs: undefined }],
  ['a timeout of 0', { ...valid, requestTimeoutMs: 0 }],
  ['a limit below 0', { ...valid, maxConcurrentRequests: -1 }],
  ['a newer schema', { ...valid, schemaVersion: 2 }],
];

describe('parseActivation', () => {
  it('reads a valid one; clients do not see errors unless it says so', () =>
    expect(parseActivation(JSON.stringify(valid))).to.deep.equal({
      ...valid,
      coldStartTimeoutMs: 60_000,
      exposeErrors: false,
    }));
  it('a request waits for ten minutes at most, and for one where the time cannot be read', () => {
    const timeout = (coldStartTimeoutMs: unknown) =>
      parseActivation(JSON.stringify({ ...valid, coldStartTimeoutMs }))?.coldStartTimeoutMs;
    expect([timeout(5000), timeout(1e9), timeout(-1), timeout('x')]).to.deep.equal([5000, 600_000, 60_000, 60_000]);
  });
  for (const [what, value] of invalid)
    it(`${what}: undefined`, () => expect(parseActivation(JSON.stringify(value))).to.equal(undefined));
});
