/**
 * `npm run test:faults [-- --plans N] [-- --seed S] [-- --replay FILE] [-- --planted]`: plays plans at several at a
 * time and writes what failed to test/property/fault-injection/failed/, one JSON file each, to be played again by
 * --replay.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../../../hack/cluster/say.ts';
import { startStage, type Stage } from '../../support/control-plane/stage.ts';
import { describe, type Plan } from './plan.ts';
import { allPlans } from './plans.ts';
import { PLANTED, plansFor, type PlantedBug } from './planted.ts';
import { record, runPlan, type Outcome, type Reference, type RunOptions } from './run.ts';
import { WORKLOADS } from './workloads.ts';

export const AT_ONCE = 6;
const MOST_TRIES = 20;
const FAILED = join(import.meta.dirname, 'failed');

/** What each workload leaves when nothing goes wrong. */
export async function references(stage: Stage, names = Object.keys(WORKLOADS)): Promise<Record<string, Reference>> {
  const found = await pooled(names, AT_ONCE / 2, async (name) => [name, await record(stage, name)] as const);
  return Object.fromEntries(found);
}

/** Plays the plans, `atOnce` at a time, and tells of each as it ends. */
export async function play(
  stage: Stage,
  plans: Plan[],
  known: Record<string, Reference>,
  options: RunOptions & { onEnd?: (outcome: Outcome) => void } = {},
): Promise<Outcome[]> {
  return pooled(plans, AT_ONCE, async (plan, i) => {
    const outcome = await runPlan(stage, plan, known[plan.workload]!, { ...options, longQuiet: i % 20 === 0 });
    options.onEnd?.(outcome);
    return outcome;
  });
}

export async function pooled<T, R>(items: T[], atOnce: number, work: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, items.length) }, async () => {
      while (next < items.length) {
        const i = next++;
        results[i] = await work(items[i]!, i);
      }
    }),
  );
  return results;
}

/** Stores a failed plan and says how to play it again. */
export function store({ plan, problems, log }: Outcome): string {
  mkdirSync(FAILED, { recursive: true });
  const file = join(FAILED, `${plan.id}.json`);
  writeFileSync(file, `${JSON.stringify(plan, null, 2)}\n`);
  writeFileSync(file.replace('.json', '.log'), `${problems.join('\n')}\n\n${log}\n`);
  return `${plan.id} (${plan.workload}: ${plan.faults.map(describe).join('; ')})\n  ${problems.join('\n  ')}\n  again: npm run test:faults -- --replay test/property/fault-injection/failed/${plan.id}.json`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      plans: { type: 'string', default: '400' },
      seed: { type: 'string', default: '1' },
      replay: { type: 'string' },
      planted: { type: 'boolean', default: false },
    },
  });
  const stage = await startStage();
  const started = Date.now();
  try {
    if (values.planted) return await huntPlanted(stage, Number(values.seed));
    const replayed =
      values.replay === undefined ? undefined : (JSON.parse(readFileSync(values.replay, 'utf8')) as Plan);
    const known = await references(stage, replayed ? [replayed.workload] : undefined);
    const plans = replayed ? [replayed] : allPlans(known, Number(values.seed)).slice(0, Number(values.plans));
    say(
      `${Object.keys(known).length} workloads recorded: ${Object.values(known).reduce((sum, { writes }) => sum + writes.length, 0)} writes, ${Object.values(known).reduce((sum, { events }) => sum + events.length, 0)} events; ${plans.length} plans`,
    );
    let done = 0;
    const outcomes = await play(stage, plans, known, {
      onEnd: (outcome) => {
        done += 1;
        if (outcome.problems.length > 0) console.log(store(outcome));
        if (done % 20 === 0) say(`${done} of ${plans.length} plans`);
      },
    });
    report(outcomes, Date.now() - started);
  } finally {
    await stage.stop();
  }
}

/** For each planted bug: the first plan that finds it. */
export async function hunt(
  stage: Stage,
  bug: PlantedBug,
  plans: Plan[],
  known: Record<string, Reference>,
): Promise<Outcome | undefined> {
  for (const plan of plans.slice(0, MOST_TRIES)) {
    const outcome = await runPlan(stage, plan, known[plan.workload]!, { mutations: bug.mutations });
    if (outcome.problems.length > 0) return outcome;
  }
  return undefined;
}

async function huntPlanted(stage: Stage, seed: number): Promise<void> {
  const known = await references(stage, [...new Set(PLANTED.map(({ workload }) => workload))]);
  const plans = allPlans(known, seed);
  const rows = await pooled(PLANTED, AT_ONCE, async (bug) => ({
    bug,
    found: await hunt(stage, bug, plansFor(bug, plans, known[bug.workload]!), known),
  }));
  console.log('\n| planted bug | class | found by | and seen as |\n|---|---|---|---|');
  for (const { bug, found } of rows)
    console.log(
      `| ${bug.name} | ${bug.class} | ${found ? found.plan.faults.map(describe).join('; ') : '**not found**'} | ${(found?.problems[0] ?? '').replaceAll('|', ' ').slice(0, 140)} |`,
    );
  const missed = rows.filter(({ found }) => !found).length;
  console.log(`\n${rows.length - missed} passed, ${missed} failed`);
  process.exitCode = missed === 0 ? 0 : 1;
}

function report(outcomes: Outcome[], ms: number): void {
  const kinds = new Map<string, { plans: number; failed: number; missed: number }>();
  for (const { plan, problems, unused } of outcomes) {
    const kind = plan.faults.length > 1 ? 'two to five at once' : plan.faults[0]!.do;
    const row = kinds.get(kind) ?? { plans: 0, failed: 0, missed: 0 };
    kinds.set(kind, {
      plans: row.plans + 1,
      failed: row.failed + (problems.length > 0 ? 1 : 0),
      missed: row.missed + unused,
    });
  }
  const failed = outcomes.filter(({ problems }) => problems.length > 0).length;
  console.log(`\n| fault | plans | failed | faults that found no moment |\n|---|---|---|---|`);
  for (const [kind, { plans, failed: bad, missed }] of [...kinds].sort())
    console.log(`| ${kind} | ${plans} | ${bad} | ${missed} |`);
  console.log(
    `\n${outcomes.length} plans in ${(ms / 60_000).toFixed(1)} min, ${AT_ONCE} at a time\n\n${outcomes.length - failed} passed, ${failed} failed`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

if (process.argv[1] === import.meta.filename) {
  await main();
  process.exit();
}
