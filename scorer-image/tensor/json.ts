/** JSON of request bodies, with exact 64-bit integers where they are needed. */
import { rejection } from '../rejections.ts';
import { BadInput } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** No datatype holds an integer of more digits, and the time to parse a bigint grows with the square of its digits. */
const MAX_DIGITS = 400;
/** More digits than a double holds exactly. */
const LONG_INTEGER = /\d{16}/;

/** The body as text. Throws BadInput for invalid UTF-8. */
export function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (error) {
    throw new BadInput(`Input cannot be decoded as UTF-8: ${(error as Error).message}`);
  }
}

/** The body as JSON.parse reads it. Throws BadInput. */
export function plainJson(body: Uint8Array, problem = 'the body is not JSON: '): unknown {
  return parsed(boundedText(body), problem);
}

/**
 * The body as JSON. Where it has 64-bit integers, those that a double cannot hold exactly are bigints. Throws BadInput.
 */
export function exactJson(body: Uint8Array, has64Bits: (text: string) => boolean): unknown {
  const text = boundedText(body);
  return parsed(
    text,
    'the body is not JSON: ',
    has64Bits(text) && LONG_INTEGER.test(text) ? (reviveBigint as Reviver) : undefined,
  );
}

function parsed(text: string, problem: string, reviver?: Reviver): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    if (error instanceof BadInput) throw error;
    const constant = /(?<![\w"])(NaN|-?Infinity)(?![\w"])/.exec(text)?.[1];
    if (constant !== undefined)
      throw new BadInput(
        `the body is not JSON: it holds ${constant}, for which JSON has no word; write null for a missing value`,
      );
    throw new BadInput(
      text.trim() === '' ? 'the body is empty, expected JSON' : `${problem}${(error as Error).message}`,
    );
  }
}

const LARGE_BYTES = 2 ** 20;
const MAX_BRACKETS = 1_000_000;
const [LIST, OBJECT] = ['['.charCodeAt(0), '{'.charCodeAt(0)];

/** 16 MiB of `[{},{},…` would become 300 MiB of objects, more than a small pod has. */
function boundedText(body: Uint8Array): string {
  if (countBrackets(body) > MAX_BRACKETS) throw new BadInput(rejection('tooManyLists', { most: MAX_BRACKETS }));
  return textOf(body);
}

/** Number of lists and objects in a large body; 0 for a small one. */
function countBrackets(body: Uint8Array): number {
  if (body.length <= LARGE_BYTES) return 0;
  let count = 0;
  // for…of takes ten times as long
  for (let i = 0; i < body.length; i++) if (body[i] === LIST || body[i] === OBJECT) count += 1;
  return count;
}

/** Memory that JSON.parse needs for an empty object in a list, with room for the garbage collector (bytes). */
const BRACKET_BYTES = 128;

/**
 * The body as text for a script, which usually parses it. JSON.parse ends the whole process when the heap is too small
 * for its result, so this throws BadInput before.
 */
export function scriptText(body: Uint8Array, heapBytes: number): string {
  const most = Math.floor(heapBytes / BRACKET_BYTES);
  if (countBrackets(body) > most) throw new BadInput(rejection('tooManyListsForMemory', { most }));
  return textOf(body);
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown;

function reviveBigint(_: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined || !/^-?\d+$/.test(source))
    return value;
  if (source.length > MAX_DIGITS) throw new BadInput(`a whole number has more than ${MAX_DIGITS} digits`);
  return BigInt(source);
}
