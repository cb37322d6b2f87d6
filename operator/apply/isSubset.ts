/** Whether a live child still is what we want, without guessing what the server defaults. */
import { isDeepStrictEqual } from 'node:util';
import { quantity } from '../api/units.ts';

/** True when every field of `wanted` stands in `live` with the same value; quantities are compared as numbers. */
export function isSubset(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined || Object.is(live, wanted)) return true;
  if (Array.isArray(wanted))
    return Array.isArray(live) && live.length === wanted.length && wanted.every((item, i) => isSubset(live[i], item));
  if (typeof wanted === 'object' && wanted !== null) return isObjectSubset(live, wanted as Record<string, unknown>);
  return isDeepStrictEqual(live, wanted) || sameQuantity(live, wanted) || (live === undefined && wanted === ''); // the server drops empty texts
}

/** An empty object or list that the server drops is the same as none. */
function isObjectSubset(live: unknown, wanted: Record<string, unknown>): boolean {
  if (typeof live !== 'object' || live === null) return live === undefined && Object.keys(wanted).length === 0;
  return Object.entries(wanted).every(([name, value]) => {
    const inner = (live as Record<string, unknown>)[name];
    return (
      ((inner === undefined || inner === null) && Array.isArray(value) && value.length === 0) || isSubset(inner, value)
    );
  });
}

function sameQuantity(a: unknown, b: unknown): boolean {
  return (
    typeof a === 'string' && typeof b === 'string' && Math.round(quantity(a) * 1000) === Math.round(quantity(b) * 1000)
  ); // in thousandths, as the server; NaN equals nothing
}
