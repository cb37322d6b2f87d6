import { expect } from 'chai';
import { RefreshSlots } from '../../../../operator/reconcile/refreshSlots.ts';

describe('pipelines that get a new scorer image', () => {
  const slots = (most: number) => {
    const woken: string[] = [];
    return { woken, slots: new RefreshSlots(most, (pipeline) => woken.push(pipeline)) };
  };

  it('are as many at the same time as is allowed; one that has begun goes on', () => {
    const { slots: two } = slots(2);
    for (const name of ['ns/a', 'ns/b']) two.set(name, 'running');
    expect([two.has('ns/a'), two.has('ns/c')]).to.deep.equal([true, false]);
    two.set('ns/a', 'none');
    expect(two.has('ns/c')).to.equal(true);
  });

  it('one that ends wakes one that waits', () => {
    const { woken, slots: one } = slots(1);
    one.set('ns/a', 'running');
    for (const name of ['ns/b', 'ns/c']) one.set(name, 'waiting');
    one.set('ns/a', 'running');
    expect(woken).to.deep.equal([]);
    one.set('ns/a', 'none');
    expect(woken).to.deep.equal(['ns/b']);
  });

  it('one that waits and is deleted is not woken, and frees no slot', () => {
    const { woken, slots: one } = slots(1);
    one.set('ns/a', 'running');
    one.set('ns/b', 'waiting');
    one.set('ns/b', 'none');
    one.set('ns/a', 'none');
    expect(woken).to.deep.equal([]);
  });
});
