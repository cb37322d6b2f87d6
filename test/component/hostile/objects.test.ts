/** Hostile labels, annotations and texts in every object of a pipeline; more of them by `npm run test:hostile`. */
import { expect } from 'chai';
import { poisoned, settle, settledPipeline, TEXTS, unindexed } from '../../property/fuzz/objects.ts';
import type { Objects, Thing } from '../../property/state-space/server.ts';

/**
 * Where tenants write what nothing has checked; in the long form every text but those of the spec, which the CRD
 * checks.
 */
const FREE =
  process.env.HOSTILE_OBJECTS === 'all'
    ? /^(?!InferencePipeline\S* spec\.)/
    : /^\S+ (metadata\.(labels|annotations)|data)\./;

describe('objects with hostile texts', function () {
  this.timeout(600_000);
  let settled: Objects;
  before(async () => (settled = await settledPipeline()));

  it('labels and annotations of a pipeline with all its children', () => {
    expect(
      Object.keys(settled)
        .map((key) => key.split('/')[0])
        .sort(),
    ).to.include.members([
      'ConfigMap',
      'Deployment',
      'InferencePipeline',
      'NetworkPolicy',
      'Pod',
      'PodDisruptionBudget',
      'Service',
    ]);
  });

  it('every reconcile ends, and then nothing is written', async () => {
    const problems: string[] = [];
    let count = 0;
    for (const { what, objects } of poisoned(settled, TEXTS)) {
      if (!FREE.test(what)) continue;
      count += 1;
      const { problem } = await settle(objects);
      if (problem !== undefined) problems.push(`${what}: ${problem}`);
    }
    expect(problems.slice(0, 5)).to.deep.equal([]);
    expect(count).to.be.greaterThan(2_000);
  });

  it('every index takes every object', () => {
    const problems = [...poisoned(settled, TEXTS)]
      .filter(({ what }) => FREE.test(what))
      .flatMap(({ what, objects }) => {
        const key = what.split(' ')[0]!;
        return unindexed(objects[key] as Thing).map((index) => `${what}: ${index}`);
      });
    expect(problems.slice(0, 5)).to.deep.equal([]);
  });
});
