/** A rollout in steps, where fewer pods are allowed beside those that serve. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { RevisionState } from '../../../../operator/api/observed.ts';
import { rolloutStep, sizeBeforeSteps, waitsForRoom, withStepDeadlines } from '../../../../operator/plan/steps.ts';
import { NOW, observed, pipeline, stored } from '../../../support/fixtures/objects.ts';

const old = stored({ endpoint: { requestTimeout: '1s' } });
const now = stored();
const quota = { reason: 'QuotaExceeded', message: 'exceeded quota: tight', times: 0 };
const state = (change: Partial<RevisionState>): RevisionState => ({
  exists: true,
  replicas: 0,
  ready: 0,
  pods: 0,
  deadlineExceeded: false,
  hasAutoscaler: false,
  ...change,
});
const running = (replicas: number, change: Partial<RevisionState> = {}) =>
  state({ replicas, ready: replicas, pods: replicas, ...change });

const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
/** Five pods served before, and the last step began ten seconds ago. */
const begun = { size: 5, since: ago(10) };

interface World {
  stable: number;
  /** With those that are being deleted. */
  stablePods?: number;
  candidate?: RevisionState;
  size?: number;
  maxSurge?: number;
  target?: 'Production' | 'Development';
}
/** Without what is stored. */
function step(world: World) {
  const { candidate, stable, moves } = fullStep(world) ?? {};
  return candidate === undefined ? undefined : { candidate, stable, moves };
}
function fullStep({ stable, stablePods = stable, candidate, size = stable, maxSurge, target = 'Development' }: World) {
  const states = { [old.name]: running(stable, { pods: stablePods }), ...(candidate && { [now.name]: candidate }) };
  const spec = { target, ...(maxSurge !== undefined && { rollout: { maxSurge } }) };
  const seen = { ...observed({ revisions: [old, now], pipeline: pipeline(spec) }), states };
  return rolloutStep(seen, { current: old.name, wanted: now, size });
}

describe('a rollout in steps', () => {
  const rows: [string, World, ReturnType<typeof step>][] = [
    ['is none without a limit', { stable: 3 }, undefined],
    [
      'is none while a quota refuses pods and none is Ready',
      { stable: 3, candidate: state({ replicas: 3, failure: quota }) },
      undefined,
    ],
    ['is none with a maxSurge of as many pods', { stable: 3, maxSurge: 3 }, undefined],
    ['begins with maxSurge pods', { stable: 4, maxSurge: 1 }, { candidate: 1, stable: 4, moves: false }],
    [
      'waits until they are Ready',
      { stable: 4, maxSurge: 1, candidate: state({ replicas: 1, pods: 1, stepwise: begun }) },
      { candidate: 1, stable: 4, moves: false },
    ],
    [
      'exchanges as many pods as are Ready',
      { stable: 4, maxSurge: 1, candidate: running(1, { stepwise: begun }) },
      { candidate: 2, stable: 3, moves: false },
    ],
    [
      'moves the traffic when an exchange would leave the stable revision with fewer',
      { stable: 3, candidate: running(2, { stepwise: begun }) },
      { candidate: 2, stable: 3, moves: true },
    ],
    [
      'a quota with room for one of two: the traffic moves to it',
      { stable: 2, candidate: state({ replicas: 2, pods: 1, ready: 1, failure: quota }) },
      { candidate: 1, stable: 2, moves: true },
    ],
    [
      'a quota with room for one of five: the candidate has what exists and what is exchanged',
      { stable: 5, candidate: state({ replicas: 5, pods: 1, ready: 1, failure: quota }) },
      { candidate: 2, stable: 4, moves: false },
    ],
    [
      'is none to another target, whose bounds are others',
      { stable: 4, target: 'Production', candidate: state({ replicas: 4, pods: 1, ready: 1, failure: quota }) },
      undefined,
    ],
  ];
  for (const [title, world, wanted] of rows) it(title, () => expect(step(world)).to.deep.equal(wanted));

  describe('while the quota refuses the pods of an exchange', () => {
    const refused = (since: string) =>
      state({ replicas: 3, pods: 2, ready: 2, failure: quota, stepwise: { size: 5, since } });
    const waits = { candidate: 3, stable: 4, moves: false };

    it('waits until the pods of the stable revision are gone', () =>
      expect(step({ stable: 4, stablePods: 5, size: 5, candidate: refused(ago(600)) })).to.deep.equal(waits));
    it('waits for a minute', () =>
      expect(step({ stable: 4, size: 5, candidate: refused(ago(59)) })).to.deep.equal(waits));
    it('takes then what fits', () =>
      expect(step({ stable: 4, size: 5, candidate: refused(ago(61)) })).to.deep.equal({
        candidate: 3,
        stable: 3,
        moves: false,
      }));
  });

  it('remembers the size before, and when the step began', () => {
    const first = fullStep({ stable: 4, maxSurge: 1 })!.stored;
    expect(first).to.deep.equal({ size: 4, since: '2026-11-23T12:00:00Z' });
    expect(fullStep({ stable: 4, size: 5, candidate: state({ replicas: 1, stepwise: begun }) })!.stored).to.deep.equal(
      begun,
    );
    expect(sizeBeforeSteps({ states: { a: running(2, { stepwise: begun }), b: running(9) } })).to.equal(5);
    expect(sizeBeforeSteps({ states: { b: running(9) } })).to.equal(0);
  });

  it('a step without progress within the deadline has failed', () => {
    const deadline = (candidate: RevisionState) =>
      withStepDeadlines({ now: NOW, states: { a: candidate } }, '30s').states.a.deadlineExceeded;
    const stuck = (seconds: number) => state({ replicas: 2, ready: 1, stepwise: { size: 5, since: ago(seconds) } });
    expect([deadline(stuck(29)), deadline(stuck(31))]).to.deep.equal([false, true]);
    expect(deadline(running(2, { stepwise: { size: 5, since: ago(31) } }))).to.equal(false);
    expect(deadline(state({ replicas: 2, ready: 1 }))).to.equal(false);
  });

  it('ends, and with at least half of the allowed pods serving, in whatever order pods start and end', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.infiniteStream(fc.nat()),
        (serving, room, choices) => {
          const allowed = serving + room;
          const half = Math.floor(Math.min(allowed, 2 * serving) / 2);
          const stable = { replicas: serving, pods: serving };
          const candidate = state({ replicas: serving });
          for (let i = 0; i < 2_000; i++) {
            const next = fullStep({ stable: stable.replicas, stablePods: stable.pods, size: serving, candidate });
            expect(next?.stable ?? stable.replicas).to.be.at.least(half);
            if (next?.moves || (!next && candidate.ready >= serving))
              return void expect(candidate.ready).to.be.at.least(Math.min(half, serving));
            if (next) {
              Object.assign(candidate, { replicas: next.candidate, stepwise: next.stored });
              stable.replicas = next.stable;
            }
            happen(choices.next().value as number, { stable, candidate, allowed });
          }
          expect.fail('it does not end');
        },
      ),
    ));

  it('the new revision gets its other pods when the old one has been given up', () => {
    const seen = (replicas: number, stepwise: boolean) =>
      waitsForRoom(
        {
          ...observed(),
          states: { [now.name]: running(2, { stepwise: stepwise ? begun : undefined }), [old.name]: running(replicas) },
        },
        now.name,
      );
    expect(seen(3, true)).to.include({ stepwise: begun, autoscaled: false });
    expect([seen(0, true), seen(3, false)]).to.deep.equal([undefined, undefined]);
  });
});

/** One pod ends, is created, is refused by the quota, or becomes Ready. */
function happen(
  choice: number,
  {
    stable,
    candidate,
    allowed,
  }: { stable: { replicas: number; pods: number }; candidate: RevisionState; allowed: number },
): void {
  if (choice % 3 === 0 && stable.pods > stable.replicas) stable.pods -= 1;
  else if (choice % 3 === 1 && candidate.pods < candidate.replicas) {
    const fits = stable.pods + candidate.pods < allowed;
    if (fits) candidate.pods += 1;
    if (fits && candidate.pods === candidate.replicas) delete candidate.failure;
    if (!fits) candidate.failure = quota;
  } else if (choice % 3 === 2 && candidate.ready < candidate.pods) candidate.ready += 1;
}
