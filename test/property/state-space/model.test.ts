/** Every way to go wrong within eight steps, with the real reconcile on values: no cluster, some seconds. */
import { expect } from 'chai';
import { search, tell, type Found } from './search.ts';

const script = 'export const init = () => {}; export const run = (x) => x;';
const good = { target: 'Development', scoring: { script } };
const other = { ...good, endpoint: { requestTimeout: '1s' } };
const failing = { ...good, environment: { variables: [{ name: 'STAGE', value: 'init-fails' }] } };
const sleeper = { ...good, scaling: { minReplicas: 0, maxReplicas: 1, scaleToZeroAfter: '10s' } };
const sleepersNext = { ...sleeper, endpoint: { requestTimeout: '1s' } };
const bigger = { ...good, scaling: { minReplicas: 2, maxReplicas: 2 } };

const problemsOf = ({ problems }: Found): string[] =>
  problems.slice(0, 5).map(({ way, what }) => `${what} ← ${way.map(tell).join(' → ')}`);

describe('all orders of crashes, conflicts, lost responses, stale reads and foreign edits', function () {
  this.timeout(360_000);
  const rows: [string, object[], { depth: number; faults: number; edits: number }, number][] = [
    ['an update, eight steps, two faults', [good, other], { depth: 8, faults: 2, edits: 1 }, 10_000],
    ['an update that is taken back, seven steps, one fault', [good, other], { depth: 7, faults: 1, edits: 2 }, 1_000],
    ['an update that fails, seven steps, one fault', [good, failing], { depth: 7, faults: 1, edits: 1 }, 900],
    ['to zero, woken, to zero again, seven steps, two faults', [sleeper], { depth: 7, faults: 2, edits: 1 }, 1_000],
    [
      'an update of one at zero, seven steps, one fault',
      [sleeper, sleepersNext],
      { depth: 7, faults: 1, edits: 2 },
      500,
    ],
    ['at zero, and then never more, seven steps, one fault', [sleeper, good], { depth: 7, faults: 1, edits: 1 }, 300],
    ['scaling up, seven steps, one fault', [good, bigger], { depth: 7, faults: 1, edits: 1 }, 500],
  ];
  for (const [what, specs, bounds, atLeast] of rows) {
    it(`${what}: from every state the goal is reached and kept, and no endpoint is lost on the way`, async () => {
      const found = await search(specs, bounds);
      expect(problemsOf(found)).to.deep.equal([]);
      expect(found.states, 'states').to.be.greaterThan(atLeast);
    });
  }

  it('finds the outage that is there when traffic moves without asking the server', async () => {
    const found = await search([good, other], { depth: 7, faults: 1, edits: 1, staleReads: true });
    expect(problemsOf(found)[0]).to.contain('the stable Service selects no Ready pod any more');
  });
});
