/** The traffic table of a pipeline. */
import { expect } from 'chai';
import type { Traffic } from '@penstock/contract';
import type { LiveRevision } from '../../../../operator/api/plan.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { trafficTable } from '../../../../operator/desired/traffic.ts';
import { NOW, pipeline, stored } from '../../../support/fixtures/objects.ts';

const open = pipeline({ endpoint: { auth: { mode: 'None' } } });
const withKeys = stored({ endpoint: { auth: { mode: 'Key' } } });
const wanted = stored({ endpoint: { auth: { mode: 'None' } } });
const live = (revision: typeof wanted, role: LiveRevision['role']): LiveRevision => ({
  revision,
  role,
  weightPercent: 100,
  autoscaled: false,
  scalingFrozen: false,
  replicas: 1,
  ready: 1,
});
const table = (lives: LiveRevision[], before?: Traffic) =>
  trafficTable(
    { now: NOW, traffic: before },
    { effective: effective(open.spec), wanted, stable: withKeys.name, live: lives },
    ['hash'],
  );

describe('the traffic table', () => {
  it('keeps the hashes of keys while a revision that checks keys has pods', () =>
    expect(table([live(withKeys, 'stable'), live(wanted, 'candidate')]).keyHashes).to.deep.equal(['hash']));

  it('has no hashes when only the wanted revision without keys is left', () =>
    expect(table([live(wanted, 'stable')]).keyHashes).to.deep.equal([]));

  it('keeps the time since which a revision retires', () => {
    const since = '2026-11-23T11:59:58.000Z';
    const before: Traffic = { revisions: { [wanted.name]: { state: 'retiring', since } }, keyHashes: [] };
    expect(table([live(wanted, 'retiring')], before).revisions[wanted.name]).to.deep.equal({
      state: 'retiring',
      since,
    });
  });

  it('has a new time when the state changes', () => {
    const before: Traffic = {
      revisions: { [wanted.name]: { state: 'serving', since: '2026-11-23T11:00:00.000Z' } },
      keyHashes: [],
    };
    expect(table([live(wanted, 'retiring')], before).revisions[wanted.name]).to.deep.equal({
      state: 'retiring',
      since: '2026-11-23T12:00:00.000Z',
    });
  });
});
