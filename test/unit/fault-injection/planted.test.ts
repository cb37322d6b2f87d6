/** The planted mistakes are changes of source text: each must still find its place after the source was edited. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../bundle.ts';
import { PLANTED } from '../../property/fault-injection/planted.ts';
import { HASTE } from '../../support/control-plane/operators.ts';

const changes = [{ name: 'shorter waits', mutations: HASTE }, ...PLANTED].flatMap(({ name, mutations }) =>
  mutations.map((mutation) => ({ name, ...mutation })),
);

describe('planted bugs', () => {
  for (const { name, file, from } of changes)
    it(`${file} holds the text of "${name}" exactly once: ${from.trim().slice(0, 60)}`, () => {
      expect(readFileSync(join(root, file), 'utf8').split(from)).to.have.length(2);
    });
});
