/** How a reconcile ends, and what the controller does next. */
import { isRace, Outdated } from '@penstock/kube/controller/result';
import { KubeError } from '@penstock/kube/client/errors';
import { expect } from 'chai';
import { nextStep, settle, Stalled, Waiting } from '../../../../operator/api/flow.ts';

const rejecting = (error: unknown) => settle(() => Promise.reject(error as Error));

describe('an attempt', () => {
  it('has its value, or its error', async () => {
    expect(await settle(() => Promise.resolve(7))).to.deep.equal({ value: 7 });
    const error = new Error('no');
    expect((await rejecting(error)).error).to.equal(error);
    expect((await rejecting('a text')).error)
      .to.be.instanceOf(Error)
      .and.have.property('message', 'a text');
  });

  for (const code of [400, 422])
    it(`is Stalled when the API server refuses an object with ${code}`, async () => {
      const { error } = await rejecting(new KubeError(code, 'Invalid', 'spec.x is wrong'));
      expect(error).to.be.instanceOf(Stalled).and.include({ reason: 'InvalidSpec', message: 'spec.x is wrong' });
    });

  it('waits while the namespace terminates', async () => {
    const { error } = await rejecting(new KubeError(403, 'Forbidden', 'namespace ns is being terminated'));
    expect(error).to.be.instanceOf(Waiting).and.include({ reason: 'NamespaceTerminating' });
  });

  it('keeps any other error of the API server', async () => {
    for (const error of [new KubeError(403, 'Forbidden', 'no rights'), new KubeError(500, '', 'is being terminated')])
      expect((await rejecting(error)).error).to.equal(error);
  });
});

describe('the next step', () => {
  const stalled = (recheckMs?: number) => ({ error: new Stalled('X', 'y', recheckMs) });

  it('is rest, or after a time', () => {
    expect(nextStep({}, undefined)).to.deep.equal({ next: 'rest' });
    expect(nextStep({}, 5)).to.deep.equal({ next: 'after', ms: 5 });
    expect(nextStep({ error: new Waiting('X', 'y') }, undefined)).to.deep.equal({ next: 'rest' });
    expect(nextStep({ error: new Waiting('X', 'y') }, 5)).to.deep.equal({ next: 'after', ms: 5 });
  });

  it('of a Stalled attempt is the earlier of both times', () => {
    expect(nextStep(stalled(), undefined)).to.deep.equal({ next: 'rest' });
    expect(nextStep(stalled(7), undefined)).to.deep.equal({ next: 'after', ms: 7 });
    expect(nextStep(stalled(), 5)).to.deep.equal({ next: 'after', ms: 5 });
    expect([nextStep(stalled(7), 5), nextStep(stalled(5), 7)]).to.deep.equal([
      { next: 'after', ms: 5 },
      { next: 'after', ms: 5 },
    ]);
  });

  it('is a retry after any other error', () => {
    const error = new Error('no');
    expect(nextStep({ error }, 5)).to.deep.equal({ next: 'retry', error });
  });
});

describe('a race', () => {
  it('is a conflict, or a cache that was behind', () => {
    expect(isRace(new KubeError(409, 'Conflict', ''))).to.equal(true);
    expect(isRace(new Outdated('gone'))).to.equal(true);
    for (const other of [undefined, new Error('no'), new KubeError(404, '', '')]) expect(isRace(other)).to.equal(false);
  });
});
