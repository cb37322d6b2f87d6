/**
 * The result of run() as JSON: as JSON.stringify writes it, with typed arrays as lists and bigints as numbers. Pure.
 */

/** Uses a replacer only where a value needs one. Throws as JSON.stringify does. */
export function resultJson(value: unknown): string {
  // Not always a string: a function, or a toJSON() of the script, gives undefined.
  const text: unknown = JSON.stringify(value, needsReplacer(value, 0) ? replacer : undefined);
  return typeof text === 'string' ? text : 'null';
}

/** Deeper values, and circular ones, get the replacer. */
const MAX_DEPTH = 64;

function needsReplacer(value: unknown, depth: number): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (isSpecial(value) || depth > MAX_DEPTH) return true;
  if (Array.isArray(value)) return listNeedsReplacer(value, depth + 1);
  for (const name in value) if (needsReplacer((value as Record<string, unknown>)[name], depth + 1)) return true;
  return false;
}

const isSpecial = (value: object): boolean =>
  ArrayBuffer.isView(value) || typeof (value as { toJSON?: unknown }).toJSON === 'function';

/** Skips numbers and strings without a call, because a list may have many. */
function listNeedsReplacer(list: readonly unknown[], depth: number): boolean {
  for (const item of list)
    if ((typeof item === 'object' || typeof item === 'bigint') && needsReplacer(item, depth)) return true;
  return false;
}

/** The toJSON() of a Buffer has run before a replacer is called. */
function replacer(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint')
    return (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(String(value));
  const given = (this as Record<string, unknown>)[key];
  const list = given instanceof Uint8Array ? given : value;
  return ArrayBuffer.isView(list) && !(list instanceof DataView) ? [...(list as unknown as Iterable<unknown>)] : value;
}
