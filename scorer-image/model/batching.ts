/**
 * Batches calls of one model where that is faster, without a time window. Calls of one turn of the event loop, and
 * calls that arrive while a slow model is busy, are concatenated along the first dimension, run once, and split.
 */
import { BatchingPolicy } from './batchingPolicy.ts';
import { bytesIn, join, slice } from '../tensor/rows.ts';
import type { Call } from './call.ts';
import type { Session } from './session.ts';
import { BatchingMonitor, type Difference } from './batchingMonitor.ts';

export interface Batches {
  session: Session;
  /** Maximum rows of one native call. */
  maxBatchSize: number;
  /** Bytes of the largest result of one row so far. */
  bytesPerRow?: number;
  /** Called with the rows of each native call. */
  onBatch?: (rows: number) => void;
  /** Called once, when a batched result differed from the single one; from then on nothing is batched. */
  onDifference?: (difference: Difference) => void;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** Calls that are batched in a comparison with one that runs alone. */
const COMPARED_CALLS = 3;
/** Results of one native call do not exceed this size because of batching. */
const MAX_BATCH_RESULT_BYTES = 8 * 2 ** 20;

/** A session that batches calls whose rows are independent, where {@link BatchingPolicy} finds that it is faster. */
export function batching({
  session,
  maxBatchSize,
  bytesPerRow = 0,
  onBatch = () => undefined,
  onDifference = () => undefined,
  now = () => performance.now(),
}: Batches): Session {
  const names = session.signature.outputs.map(({ name }) => name);
  const policy = new BatchingPolicy();
  const monitor = new BatchingMonitor(session, (difference) => {
    maxBatchSize = 1;
    onDifference(difference);
  });
  let waiting: Call[] = [];
  let scheduled = false;
  let running = 0;

  const flush = async (): Promise<void> => {
    const calls = waiting;
    waiting = [];
    scheduled = false;
    running += 1;
    for (const group of groups(
      calls,
      Math.max(1, Math.min(maxBatchSize, Math.floor(MAX_BATCH_RESULT_BYTES / bytesPerRow))),
    ))
      await (isComparable(group) && policy.shouldMeasure() ? runComparison(group) : runGroup(group));
    running -= 1;
    if (waiting.length > 0) scheduleFlush();
    else monitor.checkWhenIdle(() => waiting.length === 0);
  };
  /** While calls are measured, later calls wait, so that they do not change the measurement. */
  const scheduleFlush = (): void => {
    if (scheduled || (running > 0 && !policy.decided)) return;
    scheduled = true;
    setImmediate(() => void flush());
  };
  const runGroup = async (group: Call[]): Promise<void> => {
    if (group.length > 1 && (policy.shouldBatch ?? group.length === 2))
      await runBatched(group); // until the policy has decided, large batches could take too much memory
    else for (const call of group) await runSingle(call);
  };
  const runComparison = async ([first, ...others]: Call[]): Promise<void> => {
    const few = others.splice(0, COMPARED_CALLS);
    const begun = now();
    const fine = await runSingle(first!);
    const between = now();
    if ((await runBatched(few)) && fine) policy.compare(now() - between, (between - begun) * few.length);
    await runGroup(others);
  };
  /** Resolve with whether the model accepted the calls; each caller gets its own result or error. */
  const runSingle = ({ feeds, outputs, rows, resolve, reject }: Call): Promise<boolean> => {
    onBatch(rows);
    return session.run(feeds, [...outputs]).then(
      (results) => {
        resolve(results);
        return true;
      },
      (error: unknown) => {
        reject(error);
        return false;
      },
    );
  };
  const runBatched = async (group: Call[]): Promise<boolean> => {
    const [rows, begun] = [rowsOf(group), now()];
    try {
      const results = await session.run(join(group.map(({ feeds }) => feeds)), [...group[0]!.outputs]);
      if (Object.values(results).some(({ shape }) => shape[0] !== rows))
        throw new Error('an output has another number of rows');
      onBatch(rows);
      policy.recordBatch(now() - begun);
      if (rows > 0) bytesPerRow = Math.max(bytesPerRow, bytesIn(results) / rows);
      monitor.record(group, results);
      let from = 0;
      for (const call of group) call.resolve(slice(results, from, (from += call.rows)));
      return true;
    } catch {
      for (const call of group) await runSingle(call); // so that one invalid call does not fail the others
      return false;
    }
  };
  return {
    signature: session.signature,
    resultBytes: (rows) => rows * bytesPerRow,
    run: (feeds, outputs = names) =>
      new Promise((resolve, reject) => {
        waiting.push({ feeds, outputs, rows: Object.values(feeds)[0]?.shape[0] ?? 1, resolve, reject });
        scheduleFlush();
      }),
  };
}

/** Whether one single call and several batched calls can be compared: all have the same number of rows. */
const isComparable = (group: readonly Call[]): boolean =>
  group.length > 2 &&
  group[0]!.rows > 0 &&
  group.slice(1, 1 + COMPARED_CALLS).every(({ rows }) => rows === group[0]!.rows);

const rowsOf = (group: readonly Call[]): number => group.reduce((sum, { rows }) => sum + rows, 0);

/** Consecutive calls with the same outputs and shapes except for rows, up to `most` rows together. */
function groups(calls: readonly Call[], most: number): Call[][] {
  const made: Call[][] = [];
  let rows = 0;
  for (const call of calls) {
    const group = made.at(-1);
    if (group && rows + call.rows <= most && sameShape(group[0]!, call)) {
      group.push(call);
      rows += call.rows;
    } else {
      made.push([call]);
      rows = call.rows;
    }
  }
  return made;
}

function sameShape(a: Call, b: Call): boolean {
  if (a.outputs !== b.outputs && a.outputs.join() !== b.outputs.join()) return false;
  for (const name of Object.keys(a.feeds)) {
    const [shape, other] = [a.feeds[name]!.shape, b.feeds[name]?.shape];
    if (
      other?.length !== shape.length ||
      shape[0] !== a.rows ||
      other[0] !== b.rows ||
      shape.some((dimension, i) => dimension === 0 || (i > 0 && other[i] !== dimension))
    )
      return false; // the proof holds for axes that are not empty
  }
  return true;
}
