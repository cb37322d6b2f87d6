/**
 * Checks with generated requests what the graph proves about the rows of a model, and warms it up. A check can show
 * that rows are mixed, and never that they are not.
 */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { domainOf, type GraphProto } from '../onnx/schema.ts';
import { itemsOf } from '../rows/initializers.ts';
import { bytesIn, difference, slice, type Feeds } from '../tensor/rows.ts';
import type { Session } from './session.ts';
import { arrayOf, sizeOf, type NumberArray } from '../tensor/tensor.ts';

const ROWS = 4;
/** For a model whose results are large or slow. */
const FEW_ROWS = 2;
const LARGE_BYTES = 4 * 2 ** 20;
const SLOW_MS = 100;
/** Limit of all rows of a trial, at eight bytes per value. */
const MAX_FEED_BYTES = 128 * 2 ** 20;
/** No further trial starts after this time. */
const MAX_TRIALS_MS = 400;

/** Lengths of open dimensions, and the integers to try with them. */
interface Trial {
  length: number;
  numbers: (known: readonly number[]) => readonly number[];
}

const TRIALS: readonly Trial[] = [
  { length: 1, numbers: () => [0, 1] },
  { length: 5, numbers: () => [1, 2, 3, 5, 8, 0, 4, 9, 7, 6, 2] },
  { length: 8, numbers: (known) => [...known, 1, 3] },
  { length: 3, numbers: (known) => [7, -1, ...known, 1_000_003, -5] },
  { length: 32, numbers: () => [1, 2] },
];

export interface ProbeResult {
  /** Result of the trials: all equal, one different, or none that the model accepts. */
  verdict: 'same' | 'different' | 'not run';
  /** The first difference. */
  message: string;
  /** Bytes of the largest result of one row. */
  bytesPerRow: number;
}

/** Runs the trials. The first one that the model accepts warms it up. */
export async function probe(session: Session, graph: GraphProto): Promise<ProbeResult> {
  const { inputs } = session.signature;
  const known = knownIntegers(graph);
  const begun = performance.now();
  const found: ProbeResult = {
    verdict: 'not run',
    message: 'the model takes none of the made-up requests',
    bytesPerRow: 0,
  };
  for (const trial of TRIALS) {
    if (performance.now() - begun > MAX_TRIALS_MS) break;
    if (inputs.reduce((sum, input) => sum + 8 * sizeOf(shapeOf(input, trial.length)), 0) > MAX_FEED_BYTES) continue;
    const feeds = feedsOf(session.signature, trial, known);
    const seen = feeds && (await runTrial(session, feeds, found));
    if (seen === undefined) continue;
    if (seen !== '') return { ...found, verdict: 'different', message: seen };
    found.verdict = 'same';
    found.message = '';
  }
  return found;
}

/**
 * '' where rows give the same results batched and alone, else the difference; undefined where the model does not accept
 * them alone. At most two results are in memory at a time.
 */
async function runTrial(session: Session, feeds: Feeds, found: ProbeResult): Promise<string | undefined> {
  const begun = performance.now();
  const run = (rows: Feeds): Promise<Feeds | undefined> => runIfAccepted(session, rows);
  const first = await run(slice(feeds, 0, 1));
  if (!first) return undefined;
  found.bytesPerRow = Math.max(found.bytesPerRow, bytesIn(first));
  const rows = found.bytesPerRow > LARGE_BYTES || performance.now() - begun > SLOW_MS ? FEW_ROWS : ROWS;
  const together = await run(slice(feeds, 0, rows));
  for (let row = 0; row < rows; row++) {
    const alone = row === 0 ? first : await run(slice(feeds, row, row + 1));
    if (!alone) return undefined;
    const unlike = together && rowDifference(together, alone, { row, rows });
    if (unlike !== undefined) return unlike;
  }
  return together ? '' : 'the model does not take several rows';
}

async function runIfAccepted(session: Session, feeds: Feeds): Promise<Feeds | undefined> {
  try {
    return await session.run(feeds);
  } catch {
    return undefined;
  }
}

function rowDifference(
  together: Feeds,
  alone: Feeds,
  { row, rows }: { row: number; rows: number },
): string | undefined {
  if (Object.values(together).some(({ shape }) => shape[0] !== rows))
    return 'an output has another number of rows than the inputs';
  return difference(slice(together, row, row + 1), alone);
}

/** Different rows for each input; undefined where a first dimension is not open. */
function feedsOf({ inputs }: ModelSignature, { length, numbers }: Trial, known: readonly number[]): Feeds | undefined {
  if (inputs.length === 0 || inputs.some(({ shape }) => shape[0] !== -1)) return undefined;
  const choice = numbers(known);
  return Object.fromEntries(
    inputs.map((input) => {
      const shape = shapeOf(input, length);
      return [input.name, { datatype: input.datatype, shape, data: values(input, shape, choice) }];
    }),
  );
}

const shapeOf = ({ shape }: TensorSignature, length: number): number[] => [
  ROWS,
  ...shape.slice(1).map((dimension) => (dimension === -1 ? length : dimension)),
];

/** Scale of each row of floating-point inputs: very different sizes, one of them negative. */
const SCALES = [1, 1000, -1, 0.01];

function values(
  { datatype }: TensorSignature,
  shape: readonly number[],
  choice: readonly number[],
): NumberArray | string[] {
  const size = sizeOf(shape);
  const row = (i: number): number => Math.floor(i / (size / ROWS));
  const whole = (i: number): number => choice[(i + 3 * row(i)) % choice.length]!;
  const real = (i: number): number => (((i * 7919) % 97) / 97 + 0.01) * SCALES[row(i) % SCALES.length]!;
  const type = arrayOf(datatype);
  if (!type) return Array.from({ length: size }, (_, i) => ['a', 'b c', 'word', ''][row(i)]!);
  const data = new type(size);
  const isFloat = datatype.startsWith('FP');
  for (let i = 0; i < size; i++) data[i] = isFloat ? real(i) : integerOf(datatype, whole(i));
  return data;
}

/** An integer within the range of the datatype. */
function integerOf(datatype: string, value: number): number | bigint {
  if (datatype === 'BOOL') return Math.abs(value) % 2;
  const inRange = datatype.startsWith('U') ? Math.abs(value) : value;
  return datatype.endsWith('INT64') ? BigInt(inRange) : inRange;
}

const MAX_KNOWN_INTEGERS = 40;

/**
 * Integers that mean something to the model: those in its small constants, and the last indexes of its lookup tables.
 */
function knownIntegers({ initializer, node }: GraphProto): number[] {
  const tables = new Map(initializer.map(({ name, dims }) => [name, dims[0]]));
  const ends = node
    .filter(({ opType, domain }) => opType === 'Gather' && domainOf(domain) === '')
    .flatMap(({ input }) => tables.get(input[0] ?? '') ?? [])
    .filter((rows) => rows > 1);
  const constants = [...initializer, ...node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []))]
    .flatMap((tensor) => itemsOf(tensor) ?? [])
    .map(({ factor }) => factor);
  const most = Math.min(...ends, 2 ** 31);
  const usable = constants.filter((one) => Number.isSafeInteger(one) && one >= 0 && one < most);
  return [
    ...new Set([
      ...ends
        .flatMap((rows) => [rows - 1, Math.floor(rows / 2), Math.floor((rows * 3) / 4)])
        .filter((one) => one < most),
      ...usable,
    ]),
  ].slice(0, MAX_KNOWN_INTEGERS);
}
