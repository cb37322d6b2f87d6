/** Which of several operators manages an object whose namespace they all watch. */
import { expect } from 'chai';
import fc from 'fast-check';
import { decideClaim } from '../../../../operator/plan/claim.ts';
import type { OperatorClaim } from '../../../../operator/api/types.gen.ts';
import { NOW } from '../../../support/fixtures/objects.ts';

const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString().replace('.000Z', 'Z');
const claim = (namespace: string, contender?: OperatorClaim['contender']): OperatorClaim => ({
  namespace,
  ...(contender && { contender }),
});

describe('the claim of operator a on an object', () => {
  type Row = [
    what: string,
    before: OperatorClaim | undefined,
    isMine: boolean,
    after: OperatorClaim,
    wakeAfterMs?: number,
  ];
  const rows: Row[] = [
    ['that has no claim yet: a has it', undefined, true, claim('a')],
    ['of its own: a keeps it', claim('a'), true, claim('a')],
    [
      'for which b contends: a answers',
      claim('a', { namespace: 'b', since: ago(5) }),
      true,
      claim('a', { namespace: 'b', since: ago(5), refusedAt: ago(0) }),
    ],
    [
      'for which b was refused: stays as it is',
      claim('a', { namespace: 'b', since: ago(700), refusedAt: ago(699) }),
      true,
      claim('a', { namespace: 'b', since: ago(700), refusedAt: ago(699) }),
    ],
    [
      'for which b was refused long ago: b is forgotten',
      claim('a', { namespace: 'b', since: ago(1802), refusedAt: ago(1801) }),
      true,
      claim('a'),
    ],
    ['of b: a contends for it', claim('b'), false, claim('b', { namespace: 'a', since: ago(0) }), 60_000],
    [
      'of b, which has not answered yet: a waits',
      claim('b', { namespace: 'a', since: ago(59) }),
      false,
      claim('b', { namespace: 'a', since: ago(59) }),
      1_000,
    ],
    [
      'of b, which does not answer within a minute: passes to a',
      claim('b', { namespace: 'a', since: ago(60) }),
      true,
      claim('a'),
    ],
    [
      'of b, which has refused: a waits ten minutes',
      claim('b', { namespace: 'a', since: ago(101), refusedAt: ago(100) }),
      false,
      claim('b', { namespace: 'a', since: ago(101), refusedAt: ago(100) }),
      499_000,
    ],
    [
      'of b, which refused ten minutes ago: a contends again',
      claim('b', { namespace: 'a', since: ago(601), refusedAt: ago(600) }),
      false,
      claim('b', { namespace: 'a', since: ago(0) }),
      60_000,
    ],
    [
      'of b, for which c contends: a waits for the answer',
      claim('b', { namespace: 'c', since: ago(10) }),
      false,
      claim('b', { namespace: 'c', since: ago(10) }),
      50_000,
    ],
    [
      'of b, which has not answered c: a contends, too',
      claim('b', { namespace: 'c', since: ago(60) }),
      false,
      claim('b', { namespace: 'a', since: ago(0) }),
      60_000,
    ],
  ];
  for (const [what, before, isMine, after, wakeAfterMs] of rows)
    it(what, () => {
      const expected = wakeAfterMs === undefined ? { isMine, claim: after } : { isMine, claim: after, wakeAfterMs };
      expect(decideClaim(before, 'a', NOW)).to.deep.equal(expected);
    });

  it('is the same object where nothing is to write', () => {
    const refused = { namespace: 'b', since: ago(20), refusedAt: ago(10) };
    for (const stored of [claim('a'), claim('a', refused), claim('b', { namespace: 'a', since: ago(1) })])
      expect(decideClaim(stored, 'a', NOW).claim).to.equal(stored);
  });

  it('never passes from an operator that looks at the object every 30 s', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('b', 'c'), fc.integer({ min: 1, max: 29 }))), (turns) => {
        let stored: OperatorClaim | undefined = decideClaim(undefined, 'a', NOW).claim;
        let now = NOW;
        for (const [operator, seconds] of turns) {
          stored = decideClaim(stored, operator, now).claim;
          now += seconds * 1000;
          stored = decideClaim(stored, 'a', now).claim;
          expect(stored.namespace).to.equal('a');
        }
      }),
    ));

  it('passes to the only operator that is left, within eleven minutes', () =>
    fc.assert(
      fc.property(
        fc.option(fc.record({ since: fc.integer({ min: 0, max: 2000 }), refused: fc.boolean() })),
        (earlier) => {
          const contender = earlier && {
            namespace: 'c',
            since: ago(earlier.since),
            ...(earlier.refused && { refusedAt: ago(earlier.since) }),
          };
          let now = NOW;
          let decision = decideClaim(claim('b', contender ?? undefined), 'a', now);
          while (!decision.isMine) {
            now += decision.wakeAfterMs;
            decision = decideClaim(decision.claim, 'a', now);
          }
          expect(now - NOW).to.be.at.most(660_000);
        },
      ),
    ));
});
