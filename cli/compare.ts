/**
 * `penstock compare` sends rows to an endpoint and says which answers differ from the expected ones, and by how much.
 */
import { readFileSync } from 'node:fs';
import { UserError } from './manifests.ts';

export interface CompareOptions {
  url: string;
  /** A file with a JSON list of rows, as /score takes them under `data`. */
  rows: string;
  /** A file with {"<output>": [one value for each row], …}. */
  expect: string;
  tolerance: number;
  key?: string;
  say: (line: string) => void;
}

/** Rows in one request. */
const BATCH = 50;
/** Different rows that are printed for each output. */
const SHOWN = 5;

/** The values of each output, one for each row. */
type Answers = Record<string, unknown[]>;

/** A row whose answer differs from the expected one, and the distance between both (see `distance`). */
export interface RowDifference {
  row: number;
  by: number;
}

/** The exit code: 0 if all rows are as expected, 1 if some are not. Throws UserError. */
export async function compare(options: CompareOptions): Promise<number> {
  const rows = list(readJson(options.rows), options.rows);
  const expected = object(readJson(options.expect), options.expect);
  const answers = await askInBatches(options, rows, Object.keys(expected));
  const equal = Object.entries(expected).map(([name, wanted]) => {
    const values = list(wanted, `${name} of ${options.expect}`);
    if (values.length !== rows.length)
      throw new UserError(`${options.expect} has ${values.length} values of ${name} for ${rows.length} rows`);
    const got = answers[name] ?? [];
    const different = rowsThatDiffer(got, values, options.tolerance);
    options.say(summary(name, rows.length, different));
    for (const one of different.slice(0, SHOWN)) options.say(detail(one, got, values));
    return different.length === 0;
  });
  return equal.every(Boolean) ? 0 : 1;
}

/** The named outputs of all rows, in the order of the rows. */
async function askInBatches(options: CompareOptions, rows: unknown[], names: string[]): Promise<Answers> {
  const answers: Answers = {};
  for (let at = 0; at < rows.length; at += BATCH) {
    const answer = await ask(options, rows.slice(at, at + BATCH));
    for (const name of names) (answers[name] ??= []).push(...list(answer[name], `${name} of the answer`));
  }
  return answers;
}

function summary(name: string, rows: number, different: RowDifference[]): string {
  if (different.length === 0) return `✓ ${name}: 0 of ${rows} rows differ`;
  const largest = Math.max(...different.map(({ by }) => by));
  const howMuch = Number.isFinite(largest) ? `by up to ${largest.toPrecision(3)}` : 'some of them in more than numbers';
  return `✗ ${name}: ${different.length} of ${rows} rows differ, ${howMuch}`;
}

function detail({ row, by }: RowDifference, got: unknown[], wanted: unknown[]): string {
  const howMuch = Number.isFinite(by) ? ` (off by ${by.toPrecision(3)})` : '';
  return `    row ${row}: ${JSON.stringify(got[row])}, expected ${JSON.stringify(wanted[row])}${howMuch}`;
}

/** The rows whose answers are further from the expected ones than the tolerance. */
export function rowsThatDiffer(
  got: readonly unknown[],
  wanted: readonly unknown[],
  tolerance: number,
): RowDifference[] {
  return wanted.flatMap((value, row) => {
    const by = distance(got[row], value);
    return by > tolerance ? [{ row, by }] : [];
  });
}

/**
 * How far two answers are apart. Numbers: their difference, relative to the expected number if that is above 1. Lists:
 * the largest distance of their values; a list of one value is compared as that value. Anything else is 0 if equal and
 * Infinity if not.
 */
function distance(got: unknown, wanted: unknown): number {
  if (Array.isArray(got)) {
    if (Array.isArray(wanted)) return distanceOfLists(got, wanted);
    if (got.length === 1) return distance(got[0], wanted);
  }
  if (typeof got === 'number' && typeof wanted === 'number')
    return Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));
  return got === wanted ? 0 : Infinity;
}

function distanceOfLists(got: unknown[], wanted: unknown[]): number {
  if (got.length !== wanted.length) return Infinity;
  return Math.max(0, ...wanted.map((value, i) => distance(got[i], value)));
}

async function ask({ url, key }: CompareOptions, data: unknown[]): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ data }),
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
  }).catch((error: unknown) => {
    throw new UserError(
      `${url} cannot be reached: ${(error as { cause?: Error }).cause?.message ?? (error as Error).message}`,
    );
  });
  const text = await answer.text();
  if (!answer.ok) throw new UserError(`${url} answered ${answer.status}: ${text.slice(0, 500)}`);
  return object(JSON.parse(text), 'the answer');
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new UserError(`${what} must be a list`);
  return value as unknown[];
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError(`${what} must be a JSON object`);
  return value as Record<string, unknown>;
}
