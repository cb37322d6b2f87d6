/** Fifty generated changes of a spec on a real API server; a thousand by `npm run test:transitions`. */
import { expect } from 'chai';
import { startStage, type Stage } from '../../support/control-plane/stage.ts';
import { anySpec, fieldsOf, specSchema } from './generator.ts';
import { judgeMany } from './search.ts';
import fc from 'fast-check';

describe('changes of a spec', function () {
  this.timeout(900_000);
  let stage: Stage;
  before(async () => {
    stage = await startStage({ clusterWide: true });
  });
  after(() => stage.stop());

  it('changing a spec and back gives the same children, and a refused change leaves no trace', async () => {
    const { failures, transitions } = await judgeMany(stage, { count: 50, seed: 7 });
    expect(failures.map(({ transition, problem }) => `${JSON.stringify(transition)}\n${problem}`)).to.deep.equal([]);
    expect(transitions).to.equal(50);
  });
});

describe('the generator of specs', () => {
  it('knows every field of the CRD, and sets each of them now and then', () => {
    const set = new Set<string>();
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return void set.add(path);
      set.add(path);
      for (const [name, inner] of Object.entries(value))
        walk(inner, Array.isArray(value) ? `${path}[]` : `${path}.${name}`);
    };
    for (const spec of fc.sample(anySpec, { numRuns: 3000, seed: 1 })) walk(spec, '');
    expect(fieldsOf(specSchema).filter((field) => !set.has(field))).to.deep.equal([]);
  });
});
