/** `penstock compare`: how many rows an endpoint answers otherwise than expected, and by how much. */
import { readFileSync } from 'node:fs';
import { UserError } from './manifests.ts';

export interface CompareOptions {
  url: string;
  /** File with a list of rows, as /score takes them under `data`. */
  rows: string;
  /** File with {"<output>": one value for each row, …}. */
  expect: string;
  tolerance: number;
  key?: string;
  say: (line: string) => void;
}

/** Rows in one request. */
const BATCH = 50;
/** Rows that are named. */
const SHOWN = 5;

type Answers = Record<string, unknown[]>;

/** 0: all rows are as expected; 1: some are not. Throws UserError. */
export async function compare(options: CompareOptions): Promise<number> {
  const rows = list(readJson(options.rows), options.rows);
  const expected = object(readJson(options.expect), options.expect);
  let worse = false;
  const got: Answers = {};
  for (let at = 0; at < rows.length; at += BATCH) {
    const answer = await ask(options, rows.slice(at, at + BATCH));
    for (const name of Object.keys(expected)) (got[name] ??= []).push(...list(answer[name], `${name} of the answer`));
  }
  for (const [name, wanted] of Object.entries(expected)) {
    const values = list(wanted, `${name} of ${options.expect}`);
    if (values.length !== rows.length)
      throw new UserError(`${options.expect} has ${values.length} values of ${name} for ${rows.length} rows`);
    const off = rowsThatDiffer(got[name] ?? [], values, options.tolerance);
    worse ||= off.length > 0;
    const most = Math.max(0, ...off.map(({ by }) => by));
    options.say(
      `${off.length === 0 ? '✓' : '✗'} ${name}: ${off.length} of ${rows.length} rows differ${off.length === 0 ? '' : `, ${Number.isFinite(most) ? `by up to ${most.toPrecision(3)}` : 'some of them in more than numbers'}`}`,
    );
    for (const { row, by } of off.slice(0, SHOWN))
      options.say(
        `    row ${row}: ${JSON.stringify(got[name]?.[row])}, expected ${JSON.stringify(values[row])}${Number.isFinite(by) ? ` (off by ${by.toPrecision(3)})` : ''}`,
      );
  }
  return worse ? 1 : 0;
}

/** Rows whose values are further off than the tolerance, absolutely and relative to what is expected. */
export function rowsThatDiffer(
  got: readonly unknown[],
  wanted: readonly unknown[],
  tolerance: number,
): { row: number; by: number }[] {
  return wanted.flatMap((value, row) => {
    const by = distance(got[row], value);
    return by > tolerance ? [{ row, by }] : [];
  });
}

/** Of numbers their difference, as a share of those that are larger than 1; Infinity for what is no number, or of another shape. A list of one value is that value. */
function distance(got: unknown, wanted: unknown): number {
  if (Array.isArray(got) && got.length === 1 && !Array.isArray(wanted)) return distance(got[0], wanted);
  if (typeof got === 'number' && typeof wanted === 'number')
    return Math.abs(got - wanted) / Math.max(1, Math.abs(wanted));
  if (Array.isArray(got) && Array.isArray(wanted))
    return got.length === wanted.length ? Math.max(0, ...wanted.map((value, i) => distance(got[i], value))) : Infinity;
  return got === wanted || (got === null && wanted === null) ? 0 : Infinity;
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
