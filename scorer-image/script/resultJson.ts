/** What run() returns as JSON: as JSON.stringify writes it, typed arrays as lists and 64-bit integers as numbers. Pure. */

/** Values are looked at one by one only where one of them needs it. Throws as JSON.stringify does. */
export function resultJson(value: unknown): string {
  const text: unknown = JSON.stringify(value, needsReplacer(value, 0) ? replacer : undefined); // not always a string: of a function, or by a toJSON() of its own
  return typeof text === 'string' ? text : 'null';
}

/** Deeper values, and circular ones, are left to the replacer. */
const MAX_DEPTH = 64;

function needsReplacer(value: unknown, depth: number): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (ArrayBuffer.isView(value) || depth > MAX_DEPTH || typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return true;
  if (Array.isArray(value)) {
    for (const item of value)
      if ((typeof item === 'object' || typeof item === 'bigint') && needsReplacer(item, depth + 1)) return true;
    return false;
  }
  for (const name in value) if (needsReplacer((value as Record<string, unknown>)[name], depth + 1)) return true;
  return false;
}

/** A Buffer has a toJSON() of its own, which has run when a replacer is called. */
function replacer(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint')
    return (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(String(value));
  const given = (this as Record<string, unknown>)[key];
  const list = given instanceof Uint8Array ? given : value;
  return ArrayBuffer.isView(list) && !(list instanceof DataView) ? [...(list as unknown as Iterable<unknown>)] : value;
}
