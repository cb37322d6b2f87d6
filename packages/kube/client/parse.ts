/**
 * Parses objects of the API server without managedFields, which are not used and take half of every object's text.
 * Pure.
 */

const FIELDS = '"managedFields":[';
const code = (sign: string): number => sign.charCodeAt(0);
const [QUOTE, BACKSLASH, LIST, LIST_END, OBJECT, OBJECT_END] = [
  code('"'),
  code('\\'),
  code('['),
  code(']'),
  code('{'),
  code('}'),
];

/** JSON.parse with an empty list for each `managedFields`. Throws SyntaxError. */
export function parseObject(text: string): unknown {
  let kept = '';
  let from = 0;
  for (let at = text.indexOf(FIELDS); at >= 0; at = text.indexOf(FIELDS, from)) {
    // A JSON string cannot contain this text, because its quotes would be escaped.
    const begin = at + FIELDS.length;
    kept += text.slice(from, begin);
    from = endOfList(text, begin);
  }
  return JSON.parse(from === 0 ? text : kept + text.slice(from));
}

/** Index of the bracket that closes the list whose content starts at `begin`; the length of a text that is cut off. */
function endOfList(text: string, begin: number): number {
  for (let i = begin, depth = 1; i < text.length; i++) {
    const sign = text.charCodeAt(i);
    if (sign === QUOTE) i = endOfText(text, i + 1);
    else if (sign === LIST || sign === OBJECT) depth += 1;
    else if ((sign === LIST_END || sign === OBJECT_END) && (depth -= 1) === 0) return i;
  }
  return text.length;
}

function endOfText(text: string, begin: number): number {
  let i = begin;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}
