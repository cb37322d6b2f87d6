/** Whether an answer is what the pipeline's test expects. Pure. */
import type { ScoringTest } from '@penstock/contract';

const TOLERANCE = '1e-5';
const SHOWN = 200;

/** The first place where the answer is not as expected, in one sentence; undefined when all is as it should be. */
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

/** Fields that are not expected do not matter; lists must be as long. */
function difference(wanted: unknown, got: unknown, tolerance: number, path: string): string | undefined {
  const unlike = `${path} is ${short(got)}, expected ${short(wanted)}`;
  if (typeof wanted === 'number' && typeof got === 'number')
    return Math.abs(wanted - got) <= tolerance * Math.max(1, Math.abs(wanted))
      ? undefined
      : `${unlike} (tolerance ${tolerance})`;
  if (typeof wanted !== 'object' || wanted === null) return wanted === got ? undefined : unlike;
  if (typeof got !== 'object' || got === null || Array.isArray(wanted) !== Array.isArray(got)) return unlike;
  if (Array.isArray(wanted) && wanted.length !== (got as unknown[]).length)
    return `${path} has ${(got as unknown[]).length} values, expected ${wanted.length}`;
  for (const [name, value] of Object.entries(wanted)) {
    const inner = difference(
      value,
      Object.hasOwn(got, name) ? (got as Record<string, unknown>)[name] : undefined,
      tolerance,
      Array.isArray(wanted) ? `${path}[${name}]` : `${path}.${name}`,
    );
    if (inner !== undefined) return inner;
  }
  return undefined;
}
