import { expect } from 'chai';
import { Stalled } from '../../../../operator/api/flow.ts';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import type { InferencePipelineStatus } from '../../../../operator/api/types.gen.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import { pipelineStatus } from '../../../../operator/status/pipeline.ts';
import {
  config,
  deploymentOf,
  NOW,
  observed,
  pipeline,
  podOf,
  stableService,
  stored,
} from '../../../support/fixtures/objects.ts';

const one = stored();
const old = stored({ endpoint: { requestTimeout: '1s' } });
const failing = {
  restartCount: 1,
  lastState: { terminated: { exitCode: 3, message: 'UserScriptInitFailed: boom (score.ts:2)' } },
};

function statusOf(seen: ObservedPipeline, error?: Error): InferencePipelineStatus {
  return pipelineStatus(seen, planRollout(seen, config), error ? { error } : {}, 'http://iris.ns/score');
}
const line = (status: InferencePipelineStatus): string =>
  ['Available', 'UpToDate', 'Reconciling', 'Stalled']
    .map((type) => `${type}=${status.conditions!.find((condition) => condition.type === type)!.status}`)
    .join(' ');
const upToDate = (status: InferencePipelineStatus) => status.conditions!.find(({ type }) => type === 'UpToDate')!;

const serving = (change: Partial<ObservedPipeline> = {}) =>
  observed({ revisions: [one], service: stableService(one), deployments: [deploymentOf(one, 1, 1)], ...change });
const updating = (change: Partial<ObservedPipeline> = {}) =>
  observed({
    revisions: [old, one],
    service: stableService(old),
    deployments: [deploymentOf(old, 1, 1), deploymentOf(one, 1, 0)],
    pipeline: pipeline({}, { history: [{ revision: old.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' }] }),
    ...change,
  });

describe('the status of a pipeline', () => {
  const rows: [string, ObservedPipeline, string, string, string][] = [
    [
      'at first: nothing serves, work goes on',
      observed(),
      'Available=False UpToDate=False Reconciling=True Stalled=False',
      'RollingOut',
      '0 of 1 pods',
    ],
    [
      'serving: all is well, and there is nothing to say',
      serving(),
      'Available=True UpToDate=True Reconciling=False Stalled=False',
      'Serving',
      '',
    ],
    [
      'an update on its way: the old one serves, Ready does not flip',
      updating(),
      'Available=True UpToDate=False Reconciling=True Stalled=False',
      'RollingOut',
      '0 of 1 pods',
    ],
    [
      'an update that fails for the first time',
      updating({ pods: [podOf(one, failing)] }),
      'Available=True UpToDate=False Reconciling=True Stalled=False',
      'UserScriptInitFailed',
      'boom (score.ts:2)',
    ],
    [
      'an update that is given up',
      updating({ pods: [podOf(one, { ...failing, restartCount: 3 })] }),
      'Available=True UpToDate=False Reconciling=False Stalled=True',
      'UserScriptInitFailed',
      'boom (score.ts:2)',
    ],
    [
      'a model that is missing',
      updating({ modelVersions: {} }),
      'Available=True UpToDate=False Reconciling=True Stalled=False',
      'ModelNotReady',
      'iris-1 does not exist',
    ],
    [
      'the first revision fails again and again: never given up',
      observed({
        revisions: [one],
        service: stableService(one),
        deployments: [deploymentOf(one, 1, 0)],
        pods: [podOf(one, { ...failing, restartCount: 30 })],
      }),
      'Available=False UpToDate=False Reconciling=True Stalled=False',
      'UserScriptInitFailed',
      'boom',
    ],
  ];
  for (const [sentence, seen, conditions, reason, message] of rows) {
    it(sentence, () => {
      const status = statusOf(seen);
      expect(line(status)).to.equal(conditions);
      expect(upToDate(status).reason).to.equal(reason);
      expect(upToDate(status).message).to.contain(message);
    });
  }

  it('a child of another owner: Stalled, with what to do', () =>
    expect(upToDate(statusOf(observed(), new Stalled('ChildNotOwned', 'Service iris exists')))).to.include({
      reason: 'ChildNotOwned',
      message: 'Service iris exists',
    }));
  it('observedGeneration is the object’s own, everywhere', () => {
    const status = statusOf(serving());
    expect(status.observedGeneration).to.equal(3);
    expect(status.conditions!.every(({ observedGeneration }) => observedGeneration === 3)).to.be.true;
  });
  it('a second read writes nothing', () => {
    const first = statusOf(serving());
    const later = serving({ pipeline: pipeline({}, first), now: NOW + 60_000 });
    expect(statusOf(later)).to.deep.equal(first);
  });
  it('joined results that differed: BatchingDisabled is True, other conditions stay', () => {
    const status = statusOf(serving({ warning: 'model iris answered otherwise' }));
    expect(line(status)).to.equal('Available=True UpToDate=True Reconciling=False Stalled=False');
    expect(status.conditions!.find(({ type }) => type === 'BatchingDisabled')).to.include({
      status: 'True',
      reason: 'AnswersDiffered',
      message: 'model iris answered otherwise',
    });
    expect(statusOf(serving()).conditions!.some(({ type }) => type === 'BatchingDisabled')).to.equal(false);
  });
  it('unusable keys and foreign ConfigMaps have conditions of their own; the endpoint is Available', () => {
    const { conditions = [] } = statusOf(
      serving({ keyProblem: 'Secret iris-keys: primaryKey has 3 characters', unreadable: ['iris-0123abcd'] }),
    );
    const of = (type: string) => conditions.find((one) => one.type === type);
    expect(of('KeysRefused')).to.include({
      status: 'True',
      reason: 'WeakKey',
      message: 'Secret iris-keys: primaryKey has 3 characters',
    });
    expect(of('RevisionsUnreadable')!.message).to.contain('ConfigMap iris-0123abcd is not as Penstock writes it');
    expect(of('Available')!.status).to.equal('True');
  });
  it('between two attempts the last reason stays', () => {
    const first = statusOf(updating({ pods: [podOf(one, failing)] }));
    const between = statusOf(
      updating({ pipeline: pipeline({}, first), pods: [podOf(one, { restartCount: 2, state: { running: {} } })] }),
    );
    expect(upToDate(between)).to.include({ reason: 'UserScriptInitFailed', message: 'boom (score.ts:2)' });
  });

  describe('the history', () => {
    const entry = { revision: old.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' };
    it('begins when the first revision serves', () =>
      expect(statusOf(serving()).history).to.deep.equal([
        { revision: one.name, from: '2026-11-23T12:00:00Z', reason: 'FirstRollout' },
      ]));
    it('closes an entry when another takes over', () => {
      expect(statusOf(serving({ pipeline: pipeline({}, { history: [entry] }) })).history).to.deep.equal([
        { ...entry, to: '2026-11-23T12:00:00Z' },
        { revision: one.name, from: '2026-11-23T12:00:00Z', reason: 'RolledOut' },
      ]);
    });
    it('has the newest 20 entries', () => {
      const before = Array.from({ length: 20 }, (_, i) => ({ ...entry, revision: `r-${i}`, to: entry.from }));
      const { history = [] } = statusOf(serving({ pipeline: pipeline({}, { history: before }) }));
      expect(history.map(({ revision }) => revision)).to.deep.equal([
        ...before.slice(1).map(({ revision }) => revision),
        one.name,
      ]);
    });
    it('calls a return a rollback', () => {
      const before = [
        { revision: one.name, from: '2026-11-23T10:00:00Z', to: entry.from, reason: 'FirstRollout' },
        { ...entry, reason: 'RolledOut' },
      ];
      expect(statusOf(serving({ pipeline: pipeline({}, { history: before }) })).history!.at(-1)!.reason).to.equal(
        'RolledBack',
      );
    });
  });
});
