/** Numbers that are used again. */
import { expect } from 'chai';
import { Slab } from '../../../scorer-image/run/slab.ts';

describe('slab', () => {
  it('a value is found by its id until it is removed; then the id is free', () => {
    const slots = new Slab<string>();
    expect([slots.insert('a'), slots.insert('b'), slots.insert('c')]).to.deep.equal([0, 1, 2]);
    expect([slots.remove(1), slots.remove(1), slots.get(1), slots.remove(9)]).to.deep.equal([
      'b',
      undefined,
      undefined,
      undefined,
    ]);
    expect([slots.size, slots.values()]).to.deep.equal([2, ['a', 'c']]);
    expect([slots.insert('d'), slots.get(1), slots.size]).to.deep.equal([1, 'd', 3]);
  });
});
