/** Zero ↔ one, again and again, while clients ask: not one request may be lost. */
import { wakesSoFar, type Sleepers, type Summary } from './sleepers.ts';

const IDLE_MS = 10_000;

export interface Cycles extends Summary {
  /** First pods that were asked for. */
  wakes: number;
  /** How long the first request of each cycle took (ms), those that met a pod too. */
  firstMs: number[];
}

/** Runs the pipelines side by side, in rounds, until there have been so many wakes; `mostRounds` bounds it. */
export async function cycle(
  place: Sleepers,
  pipelines: string[],
  options: { wakes: number; perCycle: number; roundOf: number; mostRounds: number; onRound?: (so: Cycles) => void },
): Promise<Cycles> {
  const before = await wakesSoFar();
  const all: Cycles = { sent: 0, ok: 0, failures: {}, wakes: 0, firstMs: [] };
  for (let round = 0; round < options.mostRounds && all.wakes < options.wakes; round++) {
    const summaries = await Promise.all(
      pipelines.map((name) =>
        place.client<Summary & { firstMs: number[] }>(
          'rests',
          `http://${name}/score`,
          'x',
          String(options.roundOf),
          String(options.perCycle),
          String(IDLE_MS),
        ),
      ),
    );
    for (const { sent, ok, failures, firstMs } of summaries) {
      all.sent += sent;
      all.ok += ok;
      all.firstMs.push(...firstMs);
      for (const [what, count] of Object.entries(failures)) all.failures[what] = (all.failures[what] ?? 0) + count;
    }
    all.wakes = (await wakesSoFar()) - before;
    options.onRound?.(all);
  }
  return all;
}
