/** What a reconcile writes of an object that this operator manages, and of one that another operator manages. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { OperatorClaim } from '../../../../operator/api/types.gen.ts';
import { settleClaim, writeOwnStatus } from '../../../../operator/reconcile/claims.ts';
import type { Deps } from '../../../../operator/reconcile/deps.ts';
import { config, NOW, pipeline } from '../../../support/fixtures/objects.ts';

const TIME = new Date(NOW).toISOString().replace('.000Z', 'Z');

function world() {
  const written: object[] = [];
  const notes: string[] = [];
  const deps = {
    config: { ...config, namespace: 'ours' },
    now: () => NOW,
    events: {
      publish: (_: KubeObject, { type, reason }: { type: string; reason: string }) => notes.push(`${type} ${reason}`),
    },
    kube: {
      cacheWrite: () => undefined,
      client: { patchStatus: (object: KubeObject, status: object) => Promise.resolve((written.push(status), object)) },
    },
  } as unknown as Deps;
  return { written, notes, deps };
}
const claimed = (operator?: OperatorClaim) => ({
  ...pipeline(),
  status: { url: 'http://iris', ...(operator && { operator }) },
});

describe('a pipeline of another operator', () => {
  it('is contended for, and nothing else of it is written', async () => {
    const { deps, written, notes } = world();
    const result = await settleClaim(claimed({ namespace: 'theirs' }), deps);
    expect(result).to.deep.equal({ next: 'after', ms: 60_000 });
    expect(written).to.deep.equal([{ operator: { contender: { namespace: 'ours', since: TIME } } }]);
    expect(notes).to.deep.equal([]);
  });

  it('that has refused is left alone, with a warning', async () => {
    const { deps, written, notes } = world();
    const contender = { namespace: 'ours', since: TIME, refusedAt: TIME };
    const result = await settleClaim(claimed({ namespace: 'theirs', contender }), deps);
    expect(result).to.deep.equal({ next: 'after', ms: 600_000 });
    expect(written).to.deep.equal([]);
    expect(notes).to.deep.equal(['Warning ManagedElsewhere']);
  });
});

describe('a pipeline of this operator', () => {
  it('is reconciled', async () => {
    for (const operator of [undefined, { namespace: 'ours' }])
      expect(await settleClaim(claimed(operator), world().deps)).to.equal(undefined);
  });

  it('gets the claim with its status, and keeps it', async () => {
    const { deps, written } = world();
    expect(await writeOwnStatus(claimed(), { url: 'http://iris' }, deps)).to.equal(true);
    expect(written).to.deep.equal([{ operator: { namespace: 'ours' } }]);
    expect(await writeOwnStatus(claimed({ namespace: 'ours' }), { url: 'http://iris' }, deps)).to.equal(false);
  });

  it('for which another one contends: the answer is written first, and then it is reconciled', async () => {
    const { deps, written } = world();
    const object = claimed({ namespace: 'ours', contender: { namespace: 'theirs', since: TIME } });
    expect(await settleClaim(object, deps)).to.deep.equal({ next: 'after', ms: 0 });
    expect(written).to.deep.equal([{ operator: { contender: { refusedAt: TIME } } }]);
  });

  it('that has passed to it: the claim is written first', async () => {
    const { deps, written } = world();
    const since = new Date(NOW - 60_000).toISOString();
    const object = claimed({ namespace: 'theirs', contender: { namespace: 'ours', since } });
    expect(await settleClaim(object, deps)).to.deep.equal({ next: 'after', ms: 0 });
    expect(written).to.deep.equal([{ operator: { namespace: 'ours', contender: null } }]);
  });
});
