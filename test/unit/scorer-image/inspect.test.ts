/** Which models a verification loads, and of which it reads the graph only. */
import { expect } from 'chai';
import { fitsInto } from '../../../scorer-image/model/inspect.ts';

const MIB = 2 ** 20;

describe('a model that is verified', () => {
  const rows: [memory: number, model: number, fits: boolean][] = [
    [256 * MIB, 32 * MIB, true],
    [256 * MIB, 32 * MIB + 1, false],
    [512 * MIB, 96 * MIB, true],
    [2048 * MIB, 480 * MIB, true],
    [64 * MIB, 1, false],
  ];
  for (const [memory, model, fits] of rows)
    it(`of ${model / MIB} MiB is ${fits ? '' : 'not '}loaded in ${memory / MIB} MiB`, () =>
      expect(fitsInto(memory, model)).to.equal(fits));
});
