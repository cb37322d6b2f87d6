/** A short wait for the use of models to be recorded is not written to the status; a long one is. */
import { expect } from 'chai';
import { ModelUsageNotRecorded } from '../../../../operator/api/flow.ts';
import { USAGE_GRACE_MS, UsageGracePeriod } from '../../../../operator/reconcile/usageGracePeriod.ts';

describe('the grace period of a wait', () => {
  const waiting = new ModelUsageNotRecorded('ModelNotReady', 'not recorded');
  it('contains its beginning, and not its end', () => {
    const grace = new UsageGracePeriod();
    expect(grace.contains('ns/p', waiting, 0)).to.equal(true);
    expect(grace.contains('ns/p', waiting, USAGE_GRACE_MS - 1)).to.equal(true);
    expect(grace.contains('ns/p', waiting, USAGE_GRACE_MS)).to.equal(false);
  });
  it('begins again after another result', () => {
    const grace = new UsageGracePeriod();
    grace.contains('ns/p', waiting, 0);
    expect(grace.contains('ns/p', undefined, 1000)).to.equal(false);
    expect(grace.contains('ns/p', waiting, USAGE_GRACE_MS)).to.equal(true);
  });
});
