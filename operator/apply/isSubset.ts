/** Whether a live child still has what was applied, without guessing which defaults the API server adds. */
import { isDeepStrictEqual } from 'node:util';
import { quantity } from '../api/units.ts';

/** True when every field of `wanted` has the same value in `live`. Quantities are compared as numbers. */
export function isSubset(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined || Object.is(live, wanted)) return true;
  if (Array.isArray(wanted)) return isSameList(live, wanted);
  if (typeof wanted === 'object' && wanted !== null) return isObjectSubset(live, wanted as Record<string, unknown>);
  const isDroppedText = live === undefined && wanted === ''; // the API server drops empty strings
  return isDroppedText || isDeepStrictEqual(live, wanted) || isSameQuantity(live, wanted);
}

const isSameList = (live: unknown, wanted: unknown[]): boolean =>
  Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => isSubset(live[i], item));

/** An empty object or list that the API server drops counts as the same. */
function isObjectSubset(live: unknown, wanted: Record<string, unknown>): boolean {
  if (typeof live !== 'object' || live === null) return live === undefined && Object.keys(wanted).length === 0;
  return Object.entries(wanted).every(([name, value]) => {
    const inner = (live as Record<string, unknown>)[name] ?? undefined;
    const isDroppedList = inner === undefined && Array.isArray(value) && value.length === 0;
    return isDroppedList || isSubset((live as Record<string, unknown>)[name], value);
  });
}

/** In thousandths, as the API server compares them; NaN equals nothing. */
const isSameQuantity = (a: unknown, b: unknown): boolean =>
  typeof a === 'string' && typeof b === 'string' && Math.round(quantity(a) * 1000) === Math.round(quantity(b) * 1000);
