/** The mounted traffic table: a missing or invalid file leaves the last valid table. */
import { keyHash } from '@penstock/server/auth';
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TrafficTable } from '../../../scorer-image/http/trafficTable.ts';

const hash = keyHash('k'.repeat(32));
const table = (state: string) =>
  JSON.stringify({
    schemaVersion: 1,
    revisions: { 'iris-1': { state, since: '2026-11-23T12:00:00Z' } },
    keyHashes: [hash],
  });

describe('the traffic table of a pod', () => {
  let folder: string;
  let traffic: TrafficTable;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'traffic-'));
    traffic = new TrafficTable(folder);
  });
  afterEach(() => {
    traffic.close();
    rmSync(folder, { recursive: true });
  });
  const write = (text: string) => writeFileSync(join(folder, 'traffic.json'), text);

  it('is unknown before the file is mounted', async () => {
    await traffic.open();
    expect([traffic.known, traffic.keyHashes]).to.deep.equal([false, []]);
  });

  it('is read again when the file changes', async () => {
    write(table('serving'));
    await traffic.open();
    expect(traffic.retiring('iris-1')).to.equal(false);
    write(table('retiring'));
    await sleep(1200);
    expect(traffic.retiring('iris-1')).to.equal(true);
  });

  for (const [what, text] of [
    ['an incomplete file', table('serving').slice(0, 60)],
    ['an empty file', ''],
    ['a file of another schema', '{"schemaVersion": 99, "revisions": {}, "keyHashes": []}'],
  ] as const)
    it(`${what} leaves the keys of the last valid table`, async () => {
      write(table('serving'));
      await traffic.open();
      write(text);
      await sleep(1200);
      expect(traffic.keyHashes).to.deep.equal([hash]);
    });
});
