/** Predicates of pods. */
import { addressesOf, isReady, isTerminated, readySince } from '@penstock/kube/api/pods';
import type { Stored } from '@penstock/kube/api/objects';
import { expect } from 'chai';
import type { Pod } from 'kubernetes-types/core/v1.js';

const pod = (status: object, metadata: object = {}): Stored<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', ...metadata },
  status,
});
const READY = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
const ready = (podIP?: string, metadata: object = {}): Stored<Pod> =>
  pod({ conditions: [READY], ...(podIP !== undefined && { podIP }) }, metadata);

describe('a pod', () => {
  it('is Ready by its condition, unless it is being deleted', () => {
    expect(isReady(ready())).to.equal(true);
    expect(isReady(pod({ conditions: [{ ...READY, status: 'False' }] }))).to.equal(false);
    expect(isReady(pod({ conditions: [{ ...READY, type: 'ContainersReady' }] }))).to.equal(false);
    expect(isReady(pod({}))).to.equal(false);
    expect(isReady(ready('10.0.0.1', { deletionTimestamp: '2026-01-01T00:00:00Z' }))).to.equal(false);
  });

  it('is terminated when it has failed or succeeded', () =>
    expect(['Pending', 'Running', 'Failed', 'Succeeded'].map((phase) => isTerminated(pod({ phase })))).to.deep.equal([
      false,
      false,
      true,
      true,
    ]));

  it('is Ready since a time, or never', () => {
    expect(readySince(ready())).to.equal(Date.parse('2026-01-01T00:00:00Z'));
    expect(readySince(pod({}))).to.be.NaN;
  });

  it('without a status is neither Ready nor terminated', () => {
    const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
    expect([isReady(bare), isTerminated(bare)]).to.deep.equal([false, false]);
    expect(readySince(bare)).to.be.NaN;
    expect(addressesOf([bare])).to.deep.equal([]);
  });

  it('is Ready by one of several conditions', () => {
    const other = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' };
    const notReady = { ...READY, status: 'False', lastTransitionTime: '2025-01-01T00:00:00Z' };
    expect(isReady(pod({ conditions: [other, READY] }))).to.equal(true);
    expect(readySince(pod({ conditions: [other, READY] }))).to.equal(Date.parse('2026-01-01T00:00:00Z'));
    expect(readySince(pod({ conditions: [other, notReady] }))).to.be.NaN;
  });
});

describe('the addresses of pods', () => {
  it('are those of Ready pods with an address, sorted', () =>
    expect(addressesOf([ready('10.0.0.2'), ready(), pod({ podIP: '10.0.0.3' }), ready('10.0.0.1')])).to.deep.equal([
      '10.0.0.1',
      '10.0.0.2',
    ]));
});
