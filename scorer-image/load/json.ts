/** JSON out of request bodies, with 64-bit integers exact where somebody needs them. */

/** A request that the client must change: 400, or another 4xx, with this sentence. */
export class BadInput extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** More digits than a double holds exactly. */
const LONG_INTEGER = /\d{16}/;

/** The body as text; throws BadInput for bytes that are none. */
export function textOf(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (error) {
    throw new BadInput(`Input cannot be decoded as UTF-8: ${(error as Error).message}`);
  }
}

/** The body as JSON. Integers that a double cannot hold come as bigint: nothing of theirs is lost. */
export function jsonOf(body: Uint8Array, problem = 'the body is not JSON: '): unknown {
  const text = textOf(body);
  try {
    return LONG_INTEGER.test(text) ? JSON.parse(text, exact as Reviver) : JSON.parse(text);
  } catch (error) {
    throw new BadInput(text.trim() === '' ? 'the body is empty, expected JSON' : `${problem}${(error as Error).message}`);
  }
}

type Reviver = (this: unknown, key: string, value: unknown) => unknown;

function exact(_: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
