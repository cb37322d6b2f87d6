/** Compares a response with what scoring.test expects. Pure. */
import type { ScoringTest } from '@penstock/contract';

const TOLERANCE = '1e-5';
const SHOWN = 200;

/** A sentence about the first difference; undefined when the response is as expected. */
export function mismatch({ expect, tolerance = TOLERANCE }: ScoringTest, answer: string): string | undefined {
  if (expect === undefined) return undefined;
  const wanted = parse(expect);
  if (wanted === undefined) return 'expect is not JSON';
  const place = difference(wanted.value, parse(answer)?.value, Number(tolerance), '$');
  return place === undefined ? undefined : `${place}; the whole answer is ${answer.slice(0, SHOWN)}`;
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const short = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, SHOWN));

/** The first difference. Fields that are not expected are ignored; lists must have the expected length. */
function difference(wanted: unknown, got: unknown, tolerance: number, path: string): string | undefined {
  if (typeof wanted === 'number' && typeof got === 'number') return numberDifference(wanted, got, tolerance, path);
  if (typeof wanted !== 'object' || wanted === null) return wanted === got ? undefined : unlike(wanted, got, path);
  if (typeof got !== 'object' || got === null || Array.isArray(wanted) !== Array.isArray(got))
    return unlike(wanted, got, path);
  return lengthDifference(wanted, got, path) ?? itemDifference(wanted, got, tolerance, path);
}

const lengthDifference = (wanted: object, got: object, path: string): string | undefined =>
  Array.isArray(wanted) && Array.isArray(got) && wanted.length !== got.length
    ? `${path} has ${got.length} values, expected ${wanted.length}`
    : undefined;

function itemDifference(wanted: object, got: object, tolerance: number, path: string): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const inner = Object.hasOwn(got, name) ? (got as Record<string, unknown>)[name] : undefined;
    const found = difference(value, inner, tolerance, Array.isArray(wanted) ? `${path}[${name}]` : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

const unlike = (wanted: unknown, got: unknown, path: string): string =>
  `${path} is ${short(got)}, expected ${short(wanted)}`;

/** The tolerance is relative to expected numbers above 1. */
function numberDifference(wanted: number, got: number, tolerance: number, path: string): string | undefined {
  const isClose = Math.abs(wanted - got) <= tolerance * Math.max(1, Math.abs(wanted));
  return isClose ? undefined : `${unlike(wanted, got, path)} (tolerance ${tolerance})`;
}
