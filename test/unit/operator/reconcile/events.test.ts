/** Which changes of a status become Events. */
import { expect } from 'chai';
import type { Condition } from '../../../../operator/api/types.gen.ts';
import { modelVersionEvents, pipelineEvents } from '../../../../operator/reconcile/events.ts';

const status = (type: string, change: Partial<Condition>) => ({
  activeRevision: 'iris-1',
  conditions: [
    {
      type,
      status: 'True' as const,
      reason: 'Serving',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: '',
      ...change,
    },
  ],
});
const upToDate = (change: Partial<Condition> = {}) => status('UpToDate', change);
const failed = { status: 'False' as const, reason: 'ScriptHung', message: 'a call hangs' };

describe('Events of a pipeline', () => {
  it('the first generation serves: Normal', () =>
    expect(pipelineEvents(undefined, upToDate())).to.deep.equal([
      { type: 'Normal', reason: 'Serving', note: 'revision iris-1 serves generation 1' },
    ]));
  it('the next generation serves, with the same reason: Normal', () =>
    expect(pipelineEvents(upToDate(), upToDate({ observedGeneration: 2 }))).to.have.length(1));
  it('nothing has changed: none', () => expect(pipelineEvents(upToDate(), upToDate())).to.deep.equal([]));
  it('it fails: Warning', () =>
    expect(pipelineEvents(upToDate(), upToDate(failed))).to.deep.equal([
      { type: 'Warning', reason: 'ScriptHung', note: 'a call hangs' },
    ]));
  for (const reason of ['Verifying', 'VerificationQueued', 'ContainerRestarting'])
    it(`progress, such as ${reason}: Normal`, () =>
      expect(pipelineEvents(undefined, upToDate({ status: 'False', reason, message: 'later' }))).to.deep.equal([
        { type: 'Normal', reason, note: 'later' },
      ]));
  it('a rollout begins: none', () =>
    expect(pipelineEvents(upToDate(), upToDate({ status: 'False', reason: 'RollingOut' }))).to.deep.equal([]));
});

describe('Events of a ModelVersion', () => {
  it('verified: Normal with the digest', () =>
    expect(
      modelVersionEvents(undefined, { ...status('Ready', { reason: 'Verified' }), digest: 'sha256:1' }),
    ).to.deep.equal([{ type: 'Normal', reason: 'Verified', note: 'verified sha256:1' }]));
  it('verifying: Normal', () =>
    expect(modelVersionEvents(undefined, status('Ready', { status: 'False', reason: 'Verifying' }))).to.deep.equal([
      { type: 'Normal', reason: 'Verifying', note: '' },
    ]));
  it('failed: Warning', () =>
    expect(modelVersionEvents(undefined, status('Ready', failed))[0]?.type).to.equal('Warning'));
});
