/** The traffic table as a pod reads it: what another account wrote into the ConfigMap is no table. */
import { expect } from 'chai';
import { parseTraffic, SCHEMA_VERSION } from '@penstock/contract';

const HASH = 'a'.repeat(64);
const table = {
  schemaVersion: SCHEMA_VERSION,
  revisions: { 'iris-1': { state: 'serving', since: '2026-01-01T00:00:00.000Z' } },
  keyHashes: [HASH],
};

describe('a traffic table', () => {
  it('is read', () =>
    expect(parseTraffic(JSON.stringify(table))).to.deep.equal({ revisions: table.revisions, keyHashes: [HASH] }));
  it('is read without a version, as older operators wrote it', () => {
    const { schemaVersion: _, ...older } = table;
    expect(parseTraffic(JSON.stringify(older))).to.deep.equal({ revisions: table.revisions, keyHashes: [HASH] });
  });
  it('has no fields that are not known', () => {
    const more = { ...table, more: 1, revisions: { 'iris-1': { ...table.revisions['iris-1'], more: 1 } } };
    expect(parseTraffic(JSON.stringify(more))).to.deep.equal({ revisions: table.revisions, keyHashes: [HASH] });
  });
  for (const [what, value] of [
    ['an empty text', undefined],
    ['null', null],
    ['a list', []],
    ['a newer version', { ...table, schemaVersion: 2 }],
    ['no keys', { revisions: {} }],
    ['a hash that is none', { ...table, keyHashes: ['x'] }],
    ['a hash of another type', { ...table, keyHashes: [1] }],
    ['a list of revisions', { ...table, revisions: [] }],
    ['a revision that is null', { ...table, revisions: { a: null } }],
    ['another state', { ...table, revisions: { a: { state: 'x', since: '2026-01-01' } } }],
    ['a time that is none', { ...table, revisions: { a: { state: 'serving', since: 'x' } } }],
  ] as const)
    it(`is not ${what}`, () =>
      expect(parseTraffic(value === undefined ? '' : JSON.stringify(value))).to.equal(undefined));
});
