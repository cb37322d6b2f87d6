/** The phase of a rollout, and when a candidate has failed. */
import { expect } from 'chai';
import type { ObservedPipeline, PodFailure, RevisionState } from '../../../../operator/api/observed.ts';
import { candidateFailure, candidateSize, currentRevision, rolloutPhase } from '../../../../operator/plan/phase.ts';
import { drainLeftMs, DRAIN_MS, nextDrainEndMs, retiringScaling } from '../../../../operator/plan/retire.ts';
import type { LiveRevision } from '../../../../operator/api/plan.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { deploymentOf, NOW, observed, pipeline, stableService, stored } from '../../../support/fixtures/objects.ts';

const scaled = { scaling: { minReplicas: 2, maxReplicas: 6 } };
const old = stored({ ...scaled, endpoint: { requestTimeout: '1s' } });
const wanted = stored(scaled);
const served = { history: [{ revision: old.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' }] };

describe('the phase of a rollout', () => {
  /** With this many Ready pods of the candidate, of two. */
  const seen = (ready: number, change: Partial<ObservedPipeline> = {}): ObservedPipeline =>
    observed({
      pipeline: pipeline(scaled, served),
      revisions: [old, wanted],
      deployments: [deploymentOf(old, 2, 2), deploymentOf(wanted, 2, ready)],
      ...change,
    });
  const phase = (world: ObservedPipeline, change: Partial<Parameters<typeof rolloutPhase>[1]> = {}) =>
    rolloutPhase(world, { current: old.name, wanted, size: 2, ...change });

  it('is Blocked without a wanted revision', () => expect(phase(seen(0), { wanted: undefined })).to.equal('Blocked'));
  it('is UpToDate when the wanted revision has the traffic', () =>
    expect(phase(seen(2), { current: wanted.name })).to.equal('UpToDate'));
  it('is Failed for a revision that was marked failed', () =>
    expect(phase(seen(2), { wanted: { ...wanted, abandoned: 'X: y' } })).to.equal('Failed'));
  it('is Initial without a current revision', () => expect(phase(seen(0), { current: undefined })).to.equal('Initial'));
  it('is Initial when the current revision has never served', () =>
    expect(
      phase(
        seen(0, {
          pipeline: pipeline(scaled),
          deployments: [deploymentOf(old, 2, 0), deploymentOf(wanted, 2, 0)],
        }),
      ),
    ).to.equal('Initial'));
  it('is Progressing while pods of the candidate are missing', () => expect(phase(seen(1))).to.equal('Progressing'));
  it('is Switching when all of them are Ready', () => expect(phase(seen(2))).to.equal('Switching'));
  it('is Failing at the progress deadline', () => {
    const late = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    const deployments = [deploymentOf(old, 2, 2), deploymentOf(wanted, 2, 1, late)];
    expect(phase(seen(1, { deployments }))).to.equal('Failing');
  });
});

describe('the failure of a candidate', () => {
  const failure = (times: number, reason = 'UserScriptInitFailed'): PodFailure => ({
    reason,
    message: 'no file',
    times,
  });
  const failureOf = (change: Partial<RevisionState>) =>
    candidateFailure({ deadlineExceeded: false, ...change } as RevisionState);

  it('is known after three failures with a final reason', () => {
    expect(failureOf({ failure: failure(2) })).to.equal(undefined);
    expect(failureOf({ failure: failure(3) })).to.include({ reason: 'UserScriptInitFailed' });
    expect(failureOf({ failure: failure(9, 'Restarting') })).to.equal(undefined);
  });

  it('at the deadline is that of its pods, or the deadline itself', () => {
    expect(failureOf({ deadlineExceeded: true, failure: failure(1, 'ImagePullBackOff') })).to.include({
      reason: 'ImagePullBackOff',
    });
    expect(failureOf({ deadlineExceeded: true })).to.include({ reason: 'ProgressDeadlineExceeded', times: 0 });
  });
});

describe('the current revision', () => {
  const revisions = [old, wanted];
  const active = (activeRevision: string) => pipeline(scaled, { activeRevision });

  it('is the one that the Service selects', () =>
    expect(
      currentRevision(observed({ revisions, service: stableService(wanted), pipeline: active(old.name) })),
    ).to.equal(wanted.name));
  it('is the one in the status where the Service is gone or selects no revision', () => {
    expect(currentRevision(observed({ revisions, pipeline: active(old.name) }))).to.equal(old.name);
    const service = stableService(old);
    service.spec!.selector = { 'penstock.dev/revision': 'other' };
    expect(currentRevision(observed({ revisions, service, pipeline: active(old.name) }))).to.equal(old.name);
  });
  it('is what the Service selects where the status has no revision that exists', () => {
    const service = stableService(old);
    service.spec!.selector = { 'penstock.dev/revision': 'other' };
    expect(currentRevision(observed({ revisions, service, pipeline: active('gone') }))).to.equal('other');
    expect(currentRevision(observed({ revisions, pipeline: pipeline(scaled) }))).to.equal(undefined);
  });
});

describe('the size of a candidate', () => {
  const size = (replicas: number, current: string | undefined = old.name) =>
    candidateSize(observed({ deployments: [deploymentOf(old, replicas, replicas)] }), {
      current,
      wanted,
      effective: effective({ target: 'Development', ...scaled }),
    });

  it('is that of the stable revision, within the bounds', () =>
    expect([1, 4, 9].map((replicas) => size(replicas))).to.deep.equal([2, 4, 6]));
  it('is the minimum without a stable revision', () => expect(size(4, 'none')).to.equal(2));
});

describe('a retiring revision', () => {
  const state = (change: Partial<RevisionState>): RevisionState =>
    ({ replicas: 2, pods: 2, hasAutoscaler: true, ...change }) as RevisionState;

  it('keeps its pods and its autoscaler while it drains', () =>
    expect(retiringScaling(state({}), 1)).to.deep.equal({ autoscaled: true, scalingFrozen: false }));
  it('is then scaled to 0', () => expect(retiringScaling(state({}), 0)).to.include({ autoscaled: false, scaleTo: 0 }));
  it('keeps its Deployment until its pods are gone', () => {
    expect(retiringScaling(state({ replicas: 0 }), 0)).to.deep.equal({ autoscaled: false, scalingFrozen: false });
    expect(retiringScaling(state({ replicas: 0, pods: 0 }), 0)).to.equal(undefined);
  });

  const since = (ms: number, stateName: 'retiring' | 'serving' = 'retiring') => ({
    now: NOW,
    traffic: {
      revisions: { a: { state: stateName, since: new Date(NOW - ms).toISOString() } },
      keyHashes: [],
    },
  });
  it('drains for five seconds since the traffic table says so', () => {
    expect(drainLeftMs(observed(since(2_000)), 'a')).to.equal(3_000);
    expect(drainLeftMs(observed(since(6_000)), 'a')).to.equal(-1_000);
    expect(drainLeftMs(observed(since(2_000, 'serving')), 'a')).to.equal(DRAIN_MS);
    expect(drainLeftMs(observed(), 'a')).to.equal(DRAIN_MS);
  });
  it('wakes the reconcile when the next one has drained', () => {
    const live = (name: string, role: LiveRevision['role']): LiveRevision =>
      ({ revision: { ...old, name }, role, replicas: 1 }) as LiveRevision;
    expect(nextDrainEndMs(observed(since(2_000)), [live('a', 'retiring'), live('b', 'retiring')])).to.equal(3_000);
    expect(nextDrainEndMs(observed(since(2_000)), [live('a', 'stable')])).to.equal(undefined);
  });
});
