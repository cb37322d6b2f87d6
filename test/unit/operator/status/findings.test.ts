/** The conditions and the revisions of a pipeline, from a plan and the outcome of its attempt. */
import { expect } from 'chai';
import { Stalled, Waiting, type Attempt } from '../../../../operator/api/flow.ts';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import type { LiveRevision, Plan, ScaleToZero } from '../../../../operator/api/plan.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { pipelineStatus } from '../../../../operator/status/pipeline.ts';
import { NOW, observed, pipeline, stored } from '../../../support/fixtures/objects.ts';

const spec = { scaling: { minReplicas: 1, maxReplicas: 4 } };
const old = stored({ ...spec, endpoint: { requestTimeout: '1s' } });
const wanted = stored(spec);

const live = (change: Partial<LiveRevision> = {}): LiveRevision => ({
  revision: wanted,
  role: 'stable',
  weightPercent: 100,
  autoscaled: false,
  scalingFrozen: false,
  replicas: 2,
  ready: 2,
  ...change,
});
const plan = (change: Partial<Plan> = {}): Plan => ({
  phase: 'UpToDate',
  effective: effective({ target: 'Development', ...spec }),
  metrics: [],
  wanted,
  stable: wanted.name,
  live: [live()],
  kept: [wanted.name],
  refresh: 'none',
  ...change,
});
const failure = { reason: 'UserScriptInitFailed', message: 'no file', times: 3 };
const zero = (availableThroughActivator: boolean): ScaleToZero => ({ state: 'AtZero', availableThroughActivator });

function statusOf(change: Partial<Plan> = {}, attempt: Attempt = {}, seen: Partial<ObservedPipeline> = {}) {
  const status = pipelineStatus(observed({ pipeline: pipeline(spec), ...seen }), plan(change), attempt, 'http://iris');
  const conditions = Object.fromEntries(
    status.conditions!.map(({ type, status: value, reason, message }) => [type, [value, reason, message]]),
  );
  return { status, conditions };
}
const conditionsOf = (...args: Parameters<typeof statusOf>) => statusOf(...args).conditions;

describe('the conditions of a pipeline', () => {
  it('that serves its newest generation are True', () => {
    const { Ready, UpToDate, Available, Progressing, Stalled: stalled, InitSucceeded, ModelsReady } = conditionsOf();
    expect(Ready).to.deep.equal(['True', 'Serving', `revision ${wanted.name} serves`]);
    expect([Available![0], UpToDate, InitSucceeded, ModelsReady]).to.deep.equal([
      'True',
      ['True', 'Serving', ''],
      ['True', 'Serving', ''],
      ['True', 'Verified', ''],
    ]);
    expect([Progressing![0], stalled![0]]).to.deep.equal(['False', 'False']);
  });

  it('without a Ready pod say how many there are', () => {
    const { Available, UpToDate, Progressing, InitSucceeded } = conditionsOf({
      live: [live({ ready: 0, scaleTo: 3 })],
    });
    expect([Available![0], Progressing![0], InitSucceeded![0]]).to.deep.equal(['False', 'True', 'Unknown']);
    expect(UpToDate).to.deep.equal([
      'False',
      'RollingOut',
      `waiting for revision ${wanted.name}: 0 of 3 pods are Ready`,
    ]);
  });

  it('during a rollout are Available by the stable revision, and say how far the candidate is', () => {
    const rollout = { stable: old.name, live: [live({ revision: old }), live({ role: 'candidate', ready: 1 })] };
    const { Available, UpToDate } = conditionsOf(rollout);
    expect(Available).to.deep.equal(['True', 'Serving', `revision ${old.name} serves`]);
    expect(UpToDate).to.deep.equal([
      'False',
      'RollingOut',
      `waiting for revision ${wanted.name}: 1 of 2 pods are Ready`,
    ]);
  });

  it('at zero are Available only through an activator', () => {
    const atZero = (through: boolean) =>
      conditionsOf({ live: [live({ ready: 0, replicas: 0 })], scaleToZero: zero(through) });
    expect(atZero(true).Ready).to.deep.equal([
      'True',
      'Serving',
      `revision ${wanted.name} serves: no pod now, a request brings one`,
    ]);
    expect(atZero(true).InitSucceeded![0]).to.equal('True');
    expect([atZero(false).Ready![0], atZero(false).InitSucceeded![0]]).to.deep.equal(['False', 'Unknown']);
  });

  for (const [what, change, attempt, isStalled] of [
    ['a blocked plan', { blocked: new Stalled('InvalidSpec', 'too large'), wanted: undefined }, {}, true],
    ['a plan that waits', { blocked: new Waiting('ModelNotReady', 'not verified'), wanted: undefined }, {}, false],
    ['a refused child', {}, { error: new Stalled('ChildNotOwned', 'Service iris') }, true],
    ['an attempt that waits', {}, { error: new Waiting('NamespaceTerminating', 'deleted') }, false],
    ['a failing candidate', { failing: { revision: wanted, failure }, stable: old.name }, {}, true],
    ['an error', {}, { error: new Error('connection lost') }, false],
  ] as [string, Partial<Plan>, Attempt, boolean][])
    it(`of ${what} are ${isStalled ? 'Stalled' : 'Progressing'}`, () => {
      const { UpToDate, Progressing, Reconciling, Stalled: stalled } = conditionsOf(change, attempt);
      const why = change.blocked ?? change.failing?.failure ?? attempt.error!;
      expect(UpToDate![0]).to.equal('False');
      expect(UpToDate![2]).to.equal(why.message);
      expect([stalled![0], Progressing![0], Reconciling![0]]).to.deep.equal(
        isStalled ? ['True', 'False', 'False'] : ['False', 'True', 'True'],
      );
    });

  it('have the reason of the model', () => {
    const blocked = (reason: string) => conditionsOf({ blocked: new Waiting(reason, 'why'), wanted: undefined });
    expect(blocked('ModelNotReady').ModelsReady).to.deep.equal(['False', 'ModelNotReady', 'why']);
    expect(blocked('DigestMismatch').ModelsReady).to.deep.equal(['False', 'DigestMismatch', 'why']);
    expect(blocked('ResourceNotReady').ModelsReady![0]).to.equal('True');
  });

  it('have the failure of init(), now or of a failed revision', () => {
    const starting = { live: [live({ ready: 0 })] };
    const expected = ['False', 'UserScriptInitFailed', 'no file'];
    expect(conditionsOf({ ...starting, failure }).InitSucceeded).to.deep.equal(expected);
    expect(conditionsOf({ failing: { revision: wanted, failure } }).InitSucceeded).to.deep.equal(expected);
    const abandoned = { ...wanted, abandoned: 'UserScriptInitFailed: no file' };
    expect(conditionsOf({ ...starting, wanted: abandoned }).InitSucceeded).to.deep.equal(expected);
    expect(
      conditionsOf({ ...starting, failure: { ...failure, reason: 'PodUnschedulable' } }).InitSucceeded![0],
    ).to.equal('Unknown');
  });

  it('keep a reason between two starts of a container', () => {
    const restarting = {
      failure: { reason: 'ContainerRestarting', message: '', times: 2 },
      live: [live({ ready: 0 })],
    };
    const before = (change: object) => ({
      pipeline: pipeline(spec, {
        conditions: [
          {
            type: 'UpToDate',
            status: 'False',
            reason: 'UserScriptInitFailed',
            message: 'no file',
            observedGeneration: 3,
            lastTransitionTime: '',
            ...change,
          },
        ],
      }),
    });
    const reason = (change: object) => conditionsOf(restarting, {}, before(change)).UpToDate![1];
    expect(reason({})).to.equal('UserScriptInitFailed');
    expect(reason({ status: 'True' })).to.equal('ContainerRestarting');
    expect(reason({ observedGeneration: 2 })).to.equal('ContainerRestarting');
    expect(reason({ reason: 'RollingOut' })).to.equal('ContainerRestarting');
    expect(conditionsOf({ ...restarting, failure }, {}, before({ reason: 'X' })).UpToDate![1]).to.equal(
      'UserScriptInitFailed',
    );
  });
});

describe('the status of a pipeline', () => {
  it('has the replicas of the stable revision, those that it is being scaled to', () => {
    const stable = (change: Partial<LiveRevision>) =>
      statusOf({ live: [live({ role: 'candidate', replicas: 9, ready: 9 }), live(change)] }).status.replicas;
    expect(stable({ ready: 1 })).to.deep.equal({ ready: 1, desired: 2, summary: '1/2' });
    expect(stable({ scaleTo: 4 })).to.deep.equal({ ready: 2, desired: 4, summary: '2/4' });
    expect(statusOf({ live: [], stable: undefined }).status).to.deep.include({
      replicas: { ready: 0, desired: 0, summary: '0/0' },
    });
  });

  it('names the active revision, if there is one', () => {
    expect(statusOf().status).to.include({ activeRevision: wanted.name, url: 'http://iris', observedGeneration: 3 });
    expect(statusOf({ stable: undefined, live: [] }).status).not.to.have.property('activeRevision');
  });

  it('lists the revisions that are kept, the newest first', () => {
    const record = { ...old.record, createdAt: '2026-11-22T00:00:00Z', scriptDigest: 'sha256:s' };
    const failed = { ...old, record, abandoned: 'X: y', failureDetail: 'stack' };
    const { revisions } = statusOf(
      { kept: [old.name, wanted.name], live: [live({ weightPercent: 100, ready: 1 })] },
      {},
      { revisions: [failed, { ...old, name: 'not-kept' }] },
    ).status;
    const models = [{ name: 'iris', version: '1', digest: wanted.record.models[0]!.digest }];
    expect(revisions).to.deep.equal([
      {
        name: wanted.name,
        weightPercent: 100,
        replicas: 2,
        ready: 1,
        models,
        image: wanted.record.image,
        createdAt: wanted.record.createdAt,
      },
      {
        name: old.name,
        weightPercent: 0,
        replicas: 0,
        ready: 0,
        models,
        scriptDigest: 'sha256:s',
        image: record.image,
        createdAt: record.createdAt,
        abandoned: 'X: y',
        failureDetail: 'stack',
      },
    ]);
  });

  it('gives the traffic to a stable revision without pods', () => {
    const { revisions } = statusOf({ live: [] }, {}, { revisions: [wanted] }).status;
    expect(revisions!.map(({ name, weightPercent }) => [name, weightPercent])).to.deep.equal([[wanted.name, 100]]);
  });

  const history = (before: string[], change: Partial<LiveRevision> = {}) => {
    const entries = before.map((revision) => ({
      revision,
      from: '2026-11-20T00:00:00Z',
      reason: 'FirstRollout' as const,
    }));
    return statusOf({ live: [live(change)] }, {}, { pipeline: pipeline(spec, { history: entries }) }).status.history;
  };
  it('adds to the history when a revision first serves, and closes the entry before', () => {
    const now = new Date(NOW).toISOString().replace('.000Z', 'Z');
    expect(history([])).to.deep.equal([{ revision: wanted.name, from: now, reason: 'FirstRollout' }]);
    expect(history([old.name])).to.deep.equal([
      { revision: old.name, from: '2026-11-20T00:00:00Z', reason: 'FirstRollout', to: now },
      { revision: wanted.name, from: now, reason: 'RolledOut' },
    ]);
    expect(history([wanted.name, old.name])!.at(-1)!.reason).to.equal('RolledBack');
  });
  it('adds nothing to the history without a Ready pod, or for the same revision', () => {
    expect(history([old.name], { ready: 0 })).to.have.length(1);
    expect(history([wanted.name])).to.have.length(1);
    expect(history([wanted.name])![0]).not.to.have.property('to');
  });
});

describe('the condition ScalingActive', () => {
  const autoscaler = (condition: object, status: object = {}) => ({
    autoscalers: [
      {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: wanted.name, namespace: 'ns' },
        status: {
          conditions: [
            { type: 'AbleToScale', status: 'True' },
            { type: 'ScalingActive', ...condition },
          ],
          ...status,
        },
      } as unknown as ObservedPipeline['autoscalers'][number],
    ],
  });
  const scaling = (seen: Partial<ObservedPipeline>, change: Partial<Plan> = {}) =>
    conditionsOf(change, {}, seen).ScalingActive;

  it('is Unknown before the first Ready pod', () =>
    expect(scaling({})).to.deep.equal(['Unknown', 'NotYetReady', 'scaling begins with the first Ready pod']));

  it('is that of the autoscaler where it cannot scale', () =>
    expect(
      scaling(autoscaler({ status: 'False', reason: 'FailedGetPodsMetric', message: 'no metrics' })),
    ).to.deep.equal(['False', 'FailedGetPodsMetric', 'no metrics']));

  it('has the figures of the autoscaler', () => {
    const figures = {
      desiredReplicas: 3,
      currentMetrics: [{ type: 'Pods', pods: { metric: {}, current: { averageValue: '7200m' } } }],
    };
    expect(scaling(autoscaler({ status: 'True' }, figures))).to.deep.equal([
      'True',
      'ValidMetricFound',
      'concurrency 7.2 of 4 target → 3 replicas',
    ]);
  });

  it('has no metric without an adapter, unless another metric is used', () => {
    expect(scaling({ noConcurrency: 'taken' })).to.deep.equal(['False', 'MetricsApiNotAvailable', 'taken']);
    const cpu = effective({
      ...spec,
      target: 'Development',
      scaling: { ...spec.scaling, metrics: [{ type: 'CPU', averageUtilization: 70 }] },
    } as never);
    expect(scaling({ noConcurrency: 'taken' }, { effective: cpu })![1]).to.equal('NotYetReady');
  });

  it('is fixed for a fixed count', () => {
    const fixed = effective({ target: 'Development', scaling: { minReplicas: 2, maxReplicas: 2 } });
    expect(scaling({}, { effective: fixed })).to.deep.equal(['True', 'FixedReplicas', 'replicas fixed at 2']);
    const toZero = effective({ target: 'Managed', scaling: { minReplicas: 0, maxReplicas: 1 } });
    expect(scaling({}, { effective: toZero })![2]).to.contain('one replica, none after');
  });
});
