/** Estimates the memory of a JSON value. Pure. */

/** Bytes of a field without its string, roughly as V8 stores it. */
const FIELD_BYTES = 16;
/** V8 stores an object with more fields as a hash table, in which each name is a string of its own. */
const SHAPED_FIELDS = 32;
const MAP_FIELD_BYTES = 48;

const TWO_BYTES = /[^\x00-\xff]/; // eslint-disable-line no-control-regex -- all characters that V8 holds in one byte

/** Estimated memory of a JSON value (bytes). Not recursive, because a value may be nested at any depth. */
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
