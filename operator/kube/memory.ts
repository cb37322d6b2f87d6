/** How much memory an object takes. Pure. */

/** Bytes of a field beside a text of its own, roughly as V8 holds it. */
const FIELD_BYTES = 16;

/** Memory that a value of JSON takes, roughly (bytes). No recursion: a value may be nested as deep as it likes. */
export function memoryOf(value: unknown): number {
  let bytes = 0;
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    bytes += FIELD_BYTES;
    if (typeof one === 'string') bytes += one.length;
    else if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) open.push(inner);
  }
  return bytes;
}
