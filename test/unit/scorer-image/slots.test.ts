/** Numbers that are used again. */
import { expect } from 'chai';
import { Slots } from '../../../scorer-image/run/slots.ts';

describe('slots', () => {
  it('a thing is under its number until it is taken, once; then the number is somebody else’s', () => {
    const slots = new Slots<string>();
    expect([slots.put('a'), slots.put('b'), slots.put('c')]).to.deep.equal([0, 1, 2]);
    expect([slots.take(1), slots.take(1), slots.get(1), slots.take(9)]).to.deep.equal([
      'b',
      undefined,
      undefined,
      undefined,
    ]);
    expect([slots.size, slots.all()]).to.deep.equal([2, ['a', 'c']]);
    expect([slots.put('d'), slots.get(1), slots.size]).to.deep.equal([1, 'd', 3]);
  });
});
