/** A pipeline whose namespace is too large to be looked at: what is known of it stands. */
import { expect } from 'chai';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import { stalledStatus } from '../../../../operator/status/unobserved.ts';

describe('a pipeline in a namespace that is too large', () => {
  const condition = (type: string, status: 'True' | 'False') => ({
    type,
    status,
    reason: 'Serving',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const pipeline = {
    metadata: { name: 'p', generation: 2 },
    status: {
      observedGeneration: 1,
      activeRevision: 'p-0123abcd',
      conditions: [condition('Available', 'True'), condition('UpToDate', 'True'), condition('Stalled', 'False')],
    },
  } as unknown as InferencePipeline;
  const status = stalledStatus(pipeline, '3 configmaps cannot be looked at', Date.parse('2026-01-02T00:00:00Z'));
  const of = (type: string) => status.conditions?.find((one) => one.type === type);

  it('is Stalled, with the reason', () => {
    expect(of('Stalled')).to.include({
      status: 'True',
      reason: 'NamespaceTooLarge',
      message: '3 configmaps cannot be looked at',
      observedGeneration: 2,
    });
    expect(of('UpToDate')).to.include({ status: 'False', reason: 'NamespaceTooLarge' });
  });
  it('keeps what it served with', () => {
    expect(status.activeRevision).to.equal('p-0123abcd');
    expect(of('Available')).to.deep.equal(condition('Available', 'True'));
  });
});
