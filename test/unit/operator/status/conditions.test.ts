/** Conditions as the Kubernetes API conventions define them. */
import { expect } from 'chai';
import type { Condition } from '../../../../operator/api/types.gen.ts';
import { conditions } from '../../../../operator/status/conditions.ts';
import { NOW } from '../../../support/fixtures/objects.ts';

const EARLIER = '2026-11-23T11:00:00Z';
const before: Condition[] = [
  {
    type: 'Ready',
    status: 'False',
    reason: 'RollingOut',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: EARLIER,
  },
];
const after = (status: 'True' | 'False', reason: string) =>
  conditions([{ type: 'Ready', status, reason, message: ' two\n lines ' }], before, 2, NOW)[0]!;

describe('conditions', () => {
  it('lastTransitionTime stays when only the reason changes', () =>
    expect(after('False', 'ScriptHung').lastTransitionTime).to.equal(EARLIER));
  it('lastTransitionTime is now when the status changes', () =>
    expect(after('True', 'Serving').lastTransitionTime).to.equal('2026-11-23T12:00:00Z'));
  it('observedGeneration is this generation', () =>
    expect(after('False', 'RollingOut').observedGeneration).to.equal(2));
  it('a message is one line', () => expect(after('True', 'Serving').message).to.equal('two lines'));
});
