/** How much memory an object takes. Pure. */

/** Bytes of a field beside a text of its own, roughly as V8 holds it. */
const FIELD_BYTES = 16;
/** An object with more fields is a map whose names are its own: each is a text, and a place in a table. */
const SHAPED_FIELDS = 32;
const MAP_FIELD_BYTES = 48;

const TWO_BYTES = /[^\x00-\xff]/; // eslint-disable-line no-control-regex -- all characters that V8 holds in one byte

/** Memory that a value of JSON takes, roughly (bytes). No recursion: a value may be nested as deep as it likes. */
export function memoryOf(value: unknown): number {
  let bytes = 0;
  const open = [value];
  while (open.length > 0) {
    const one = open.pop();
    bytes += FIELD_BYTES;
    if (typeof one === 'string') bytes += textBytes(one);
    else if (typeof one === 'object' && one !== null) {
      if (!Array.isArray(one)) bytes += namesBytes(one);
      for (const inner of Object.values(one)) open.push(inner);
    }
  }
  return bytes;
}

const textBytes = (text: string): number => (TWO_BYTES.test(text) ? 2 * text.length : text.length);

function namesBytes(object: object): number {
  const names = Object.keys(object);
  return names.length > SHAPED_FIELDS ? names.reduce((sum, name) => sum + MAP_FIELD_BYTES + textBytes(name), 0) : 0;
}
