/**
 * Judges so many generated transitions, several at a time; one that fails is made smaller until nothing can be left
 * out.
 */
import fc from 'fast-check';
import { startOperatorOn } from '../../support/control-plane/operators.ts';
import { pooled } from '../fault-injection/main.ts';
import { SYSTEM, type Stage } from '../../support/control-plane/stage.ts';
import { anySpec } from './generator.ts';
import { judge, type Transition, type Verdict } from './run.ts';
import { retried } from '../../support/retried.ts';

const AT_ONCE = 10;
const MOST_SHRINKS = 40;

export interface Failure {
  transition: Transition;
  problem: string;
  seed: number;
}
export interface Judged {
  transitions: number;
  refused: number;
  failures: Failure[];
}

/** Runs one operator for all namespaces; the stage must be clusterWide. */
export async function judgeMany(
  stage: Stage,
  { count, seed }: { count: number; seed: number },
  onEnd: (done: number) => void = () => undefined,
): Promise<Judged> {
  const operator = await startOperatorOn(stage, { identity: 'transitions', env: { POD_NAMESPACE: SYSTEM } });
  const pair = fc.record({ from: anySpec, to: anySpec });
  let [done, refused] = [0, 0];
  try {
    const samples = fc.sample(pair, { numRuns: count, seed });
    const attempt = (transition: Transition): Promise<Verdict> =>
      judge(stage, transition).catch((error: unknown) => ({ problem: (error as Error).message, refused: 0 }));
    const failures = await pooled(samples, AT_ONCE, async (transition) => {
      let verdict = await attempt(transition);
      if (verdict.problem !== undefined) {
        // on two shared cores a process stalls now and then
        console.log(verdict.problem.slice(0, 1000));
        retried('transition', JSON.stringify(transition));
        verdict = await attempt(transition);
      }
      refused += verdict.refused;
      onEnd((done += 1));
      return verdict.problem === undefined ? undefined : { transition, problem: verdict.problem, seed };
    });
    const found = failures.filter((failure) => failure !== undefined);
    const smaller = await Promise.all(found.slice(0, 3).map((failure) => shrink(stage, failure)));
    return { transitions: done, refused, failures: [...smaller, ...found.slice(3)] };
  } finally {
    await operator.end('SIGTERM');
  }
}

/** Leaves out one field after the other, as long as it still fails. */
async function shrink(stage: Stage, failure: Failure): Promise<Failure> {
  let smallest = failure;
  let tries = 0;
  for (let progress = true; progress && tries < MOST_SHRINKS;) {
    progress = false;
    for (const candidate of smallerOnes(smallest.transition)) {
      if ((tries += 1) > MOST_SHRINKS) break;
      const { problem } = await judge(stage, candidate).catch((error: unknown) => ({
        problem: (error as Error).message,
      }));
      if (problem === undefined) continue;
      smallest = { ...smallest, transition: candidate, problem };
      progress = true;
      break;
    }
  }
  return smallest;
}

/** Every way to leave out one field, outermost first. */
function smallerOnes(transition: Transition): Transition[] {
  const without = (value: unknown): unknown[] => {
    if (Array.isArray(value))
      return [
        ...value.map((_, i) => (value as unknown[]).filter((__, j) => j !== i)),
        ...value.flatMap((item, i) =>
          without(item).map((less) => value.map((one: unknown, j) => (i === j ? less : one))),
        ),
      ];
    if (typeof value !== 'object' || value === null) return [];
    const entries = Object.entries(value);
    return [
      ...entries.map(([name]) => Object.fromEntries(entries.filter(([other]) => other !== name))),
      ...entries.flatMap(([name, inner]) => without(inner).map((less) => ({ ...value, [name]: less }))),
    ];
  };
  const { from, to } = transition;
  return [
    ...without(from).map((less) => ({ from: less, to })),
    ...without(to).map((less) => ({ from, to: less })),
  ] as Transition[];
}
