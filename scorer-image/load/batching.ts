/**
 * Calls for one model that come together go to it as one, where that is faster: no window, no waiting. What was asked in
 * one turn of the event loop, or while a slow model was busy, is joined along the first dimension, run once, and split.
 */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { Gain } from './gain.ts';
import type { Session } from './session.ts';
import { arrayOf, sizeOf, type NumberArray, type Tensor } from './tensor.ts';

type Feeds = Record<string, Tensor>;
interface Call {
  feeds: Feeds;
  outputs: readonly string[];
  rows: number;
  resolve: (results: Feeds) => void;
  reject: (error: unknown) => void;
}

export interface Batches {
  session: Session;
  /** Rows of one native call at most. */
  maxBatchSize: number;
  /** Told the rows of each native call. */
  onBatch?: (rows: number) => void;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

/** Calls that are joined when another was run alone, to see which is faster. */
const COMPARED = 3;

/** A session whose calls are joined where {@link rowsAreIndependent} has shown that they may be, and {@link Gain} that it pays. */
export function batching({ session, maxBatchSize, onBatch = () => undefined, now = () => performance.now() }: Batches): Session {
  const names = session.signature.outputs.map(({ name }) => name);
  const gain = new Gain();
  let waiting: Call[] = [];
  let scheduled = false;
  let underWay = 0;

  const flush = async (): Promise<void> => {
    const calls = waiting;
    waiting = [];
    scheduled = false;
    underWay += 1;
    for (const group of groups(calls, maxBatchSize)) await (comparable(group) && gain.next() ? measured(group) : run(group));
    underWay -= 1;
    if (waiting.length > 0) soon();
  };
  /** Where calls are measured, what comes meanwhile waits: nothing else is to be timed with them. */
  const soon = (): void => {
    if (scheduled || (underWay > 0 && !gain.settled)) return;
    scheduled = true;
    setImmediate(() => void flush());
  };
  const run = async (group: Call[]): Promise<void> => {
    if (group.length > 1 && (gain.pays ?? group.length === 2)) await together(group); // what is not known is not to take the memory of many rows
    else for (const call of group) await alone(call);
  };
  const measured = async ([first, ...others]: Call[]): Promise<void> => {
    const few = others.splice(0, COMPARED);
    const begun = now();
    const fine = await alone(first!);
    const between = now();
    if ((await together(few)) && fine) gain.learn(now() - between, (between - begun) * few.length);
    await run(others);
  };
  /** Resolve with whether the model took the calls; what became of each is told to its caller. */
  const alone = ({ feeds, outputs, rows, resolve, reject }: Call): Promise<boolean> => {
    onBatch(rows);
    return session.run(feeds, [...outputs]).then((results) => {
      resolve(results);
      return true;
    }, (error: unknown) => {
      reject(error);
      return false;
    });
  };
  const together = async (group: Call[]): Promise<boolean> => {
    const [rows, begun] = [rowsOf(group), now()];
    try {
      const results = await session.run(join(group.map(({ feeds }) => feeds)), [...group[0]!.outputs]);
      if (Object.values(results).some(({ shape }) => shape[0] !== rows)) throw new Error('an output has another number of rows');
      onBatch(rows);
      gain.took(now() - begun);
      let from = 0;
      for (const call of group) call.resolve(slice(results, from, (from += call.rows)));
      return true;
    } catch {
      for (const call of group) await alone(call); // the mistake of one is not the others'
      return false;
    }
  };
  return {
    signature: session.signature,
    run: (feeds, outputs = names) => new Promise((resolve, reject) => {
      waiting.push({ feeds, outputs, rows: Object.values(feeds)[0]?.shape[0] ?? 1, resolve, reject });
      soon();
    }),
  };
}

/** One call alone and some others joined tell something of each other when all have as many rows. */
const comparable = (group: readonly Call[]): boolean => group.length > 2 && group[0]!.rows > 0 && group.slice(1, 1 + COMPARED).every(({ rows }) => rows === group[0]!.rows);

const rowsOf = (group: readonly Call[]): number => group.reduce((sum, { rows }) => sum + rows, 0);

/** Neighbours that ask for the same outputs and differ in nothing but rows, up to `most` rows together. */
function groups(calls: readonly Call[], most: number): Call[][] {
  const made: Call[][] = [];
  let rows = 0;
  for (const call of calls) {
    const group = made.at(-1);
    if (group && rows + call.rows <= most && alike(group[0]!, call)) {
      group.push(call);
      rows += call.rows;
    } else {
      made.push([call]);
      rows = call.rows;
    }
  }
  return made;
}

function alike(a: Call, b: Call): boolean {
  if (a.outputs !== b.outputs && a.outputs.join() !== b.outputs.join()) return false;
  for (const name of Object.keys(a.feeds)) {
    const [shape, other] = [a.feeds[name]!.shape, b.feeds[name]?.shape];
    if (other?.length !== shape.length || shape[0] !== a.rows || other[0] !== b.rows || shape.some((dimension, i) => i > 0 && other[i] !== dimension)) return false;
  }
  return true;
}

/** Feeds of several calls as those of one. */
export function join(many: readonly Feeds[]): Feeds {
  return Object.fromEntries(Object.entries(many[0]!).map(([name, { datatype, shape }]) => {
    const parts = many.map((feeds) => feeds[name]!);
    const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    return [name, { datatype, shape: [rows, ...shape.slice(1)], data: joined(datatype, parts) }];
  }));
}

function joined(datatype: string, parts: readonly Tensor[]): Tensor['data'] {
  const type = arrayOf(datatype);
  if (!type) return parts.flatMap(({ data }) => data as string[]);
  const whole = new type(parts.reduce((sum, { data }) => sum + data.length, 0)) as Float32Array;
  let at = 0;
  for (const { data } of parts) {
    whole.set(data as Float32Array, at);
    at += data.length;
  }
  return whole;
}

/** Rows `from` to `to` of each tensor; numbers are not copied. */
export function slice(results: Feeds, from: number, to: number): Feeds {
  const part: Feeds = {};
  for (const name of Object.keys(results)) {
    const { datatype, shape, data } = results[name]!;
    const width = data.length / shape[0]!;
    const rows = Array.isArray(data) ? data.slice(from * width, to * width) : (data as Float32Array).subarray(from * width, to * width);
    part[name] = { datatype, shape: shape.with(0, to - from), data: rows };
  }
  return part;
}

const PROBE_ROWS = 3;
const CLOSE = 1e-3;

/**
 * Whether a model may get several requests' rows at once: its first dimensions are open, and made-up rows together give
 * what each gives alone. A first dimension that is a sequence, state between rows, or a scale taken over all rows
 * (dynamic quantization) fails here: the rows are of very different size. Runs the model, so it is warm afterwards; one
 * that does not take the made-up rows, or tells nothing but integers and texts, is never joined.
 */
export async function rowsAreIndependent(session: Session): Promise<boolean> {
  const { inputs, outputs } = session.signature;
  const feeds = probeOf(session.signature);
  if (!feeds) return false;
  const open = ({ shape }: TensorSignature): boolean => shape[0] === -1;
  try {
    const alone: Feeds[] = [];
    for (let i = 0; i < PROBE_ROWS; i++) alone.push(await session.run(slice(feeds, i, i + 1)));
    if (![...inputs, ...outputs].every(open) || !outputs.some(({ datatype }) => datatype.startsWith('FP'))) return false;
    const together = await session.run(feeds);
    return alone.every((results, i) => outputs.every(({ name }) => together[name]!.shape[0] === PROBE_ROWS && close(slice(together, i, i + 1)[name]!, results[name]!)));
  } catch {
    return false;
  }
}

/** Different rows for each input, the second a thousand times the others; other open dimensions are 1. */
function probeOf({ inputs }: ModelSignature): Feeds | undefined {
  const feeds: Feeds = {};
  for (const { name, datatype, shape } of inputs) {
    if (shape.length === 0) return undefined;
    const whole = [PROBE_ROWS, ...shape.slice(1).map((dimension) => (dimension === -1 ? 1 : dimension))];
    const size = sizeOf(whole);
    const row = (i: number): number => Math.floor(i / (size / PROBE_ROWS));
    const number = (i: number): number => (datatype.startsWith('FP') ? (((i * 7919) % 97) / 97 + 0.01) * (row(i) === 1 ? 1000 : 1) : (row(i) + i) % 2);
    const type = arrayOf(datatype);
    const data = type ? (type.from as (from: { length: number }, value: (_: unknown, i: number) => unknown) => NumberArray)({ length: size }, (_, i) => (datatype.endsWith('INT64') ? BigInt(number(i)) : number(i))) : Array.from({ length: size }, (_, i) => 'abc'[row(i)]!);
    feeds[name] = { datatype, shape: whole, data };
  }
  return Object.keys(feeds).length > 0 ? feeds : undefined;
}

/** As close as rounding allows, measured by the largest value of the row that was run alone. */
function close(together: Tensor, alone: Tensor): boolean {
  if (together.shape.join() !== alone.shape.join()) return false;
  const numbers = [...alone.data].filter((value): value is number => typeof value === 'number');
  const largest = Math.max(...numbers.map(Math.abs), 0);
  return numbers.every(Number.isFinite) && [...together.data].every((value, i) => {
    const other = alone.data[i]!;
    return typeof value === 'number' && typeof other === 'number' ? Math.abs(value - other) <= CLOSE * largest : value === other;
  });
}
