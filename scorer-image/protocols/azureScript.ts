/**
 * Azure ML's conventions for scripts. run() gets the raw body, arguments by a schema, or the HTTP request; it returns a
 * value or a whole response. Messages and status codes are those of azureml_inference_server_http 1.5.
 */
import { rejection } from '../rejections.ts';
import { scriptHead } from './scriptHead.ts';
import type { Argument, UserScript } from '../script/script.ts';
import { resultJson } from '../script/resultJson.ts';
import { getHeapStatistics } from 'node:v8';
import { BadInput } from '../tensor/errors.ts';
import { plainJson, scriptText } from '../tensor/json.ts';
import type { EncodedResponse, ScoreRequest } from './messages.ts';

const HEAP_BYTES = getHeapStatistics().heap_size_limit;

/** Runs the script for one request of /score. Rejects with BadInput, or with what run() throws. */
export async function runScript(
  script: UserScript,
  body: Uint8Array,
  request: ScoreRequest | undefined,
): Promise<EncodedResponse> {
  const value = await script.run(readInput(script, body, request), request);
  return value instanceof Response ? webResponse(value) : textResponse(resultJson(value));
}

/** The argument of run(): the HTTP request, arguments by name, or the body as text. */
function readInput(script: UserScript, body: Uint8Array, request: ScoreRequest | undefined): unknown {
  if (script.rawHttp === true) return webRequest(body, request!);
  return script.inputSchema ? argumentsOf(script.inputSchema, body, request!) : scriptText(body, HEAP_BYTES);
}

/** A longer text is sent in chunks (characters). */
const MAX_UNCHUNKED_TEXT = 2 ** 20;
const CHUNK_LENGTH = 2 ** 18;

const textResponse = (text: string): EncodedResponse =>
  text.length <= MAX_UNCHUNKED_TEXT ? { body: text } : { body: '', chunks: textChunks(text) };

/** No chunk ends between the two halves of a surrogate pair. */
function* textChunks(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const end = at + CHUNK_LENGTH + Number(/[\ud800-\udbff]/.test(text[at + CHUNK_LENGTH - 1] ?? ''));
    yield text.slice(at, end);
    at = end;
  }
}

/** The web's Request, as `@rawhttp` gives Flask's request. */
function webRequest(body: Uint8Array, { method, url, headers }: ScoreRequest): Request {
  return new Request(new URL(url, 'http://scorer'), {
    method,
    headers: Object.entries(headers),
    ...(method !== 'GET' && method !== 'HEAD' && { body: body.slice() }),
  });
}

/** A Response is sent as it is, as Azure ML sends an AMLResponse; only the request id cannot be changed. */
async function webResponse(response: Response): Promise<EncodedResponse> {
  const body = response.body as ReadableStream<unknown> | null;
  try {
    const unpacked = response.url !== ''; // a response of fetch() is already decompressed
    const headers = [...response.headers].filter(([name]) => !(unpacked && name === 'content-encoding'));
    return { ...scriptHead(response.status, headers), ...(await bodyOf(body)) };
  } catch (error) {
    if (body && !body.locked) void body.cancel().catch(() => undefined);
    throw error;
  }
}

/**
 * A body that is complete is sent at once; a body that is still being produced is sent in chunks, beginning with the
 * first.
 */
async function bodyOf(body: ReadableStream<unknown> | null): Promise<Pick<EncodedResponse, 'body' | 'chunks'>> {
  const reader = body?.getReader();
  const first = await reader?.read();
  if (!reader || !first || first.done) return { body: new Uint8Array(0) };
  const second = reader.read();
  second.catch(() => undefined); // it is awaited again below
  const soon = await Promise.race([
    second,
    new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
  ]);
  if (soon?.done) return { body: new Uint8Array(bytesOf(first.value)) };
  const ready = [Promise.resolve(first), second];
  return {
    body: '',
    chunks: {
      next: async () => {
        const next = await (ready.shift() ?? reader.read());
        return next.done ? undefined : bytesOf(next.value);
      },
      cancel: () => void reader.cancel().catch(() => undefined),
    },
  };
}

const utf8 = new TextEncoder();

/** A chunk of a script's stream as bytes. */
function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === 'string') return utf8.encode(piece);
  throw new TypeError(
    `the stream of a Response must give Uint8Array or string, not ${piece === null ? 'null' : typeof piece}`,
  );
}

const TYPES: Record<string, (value: unknown) => boolean> = {
  array: Array.isArray,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

/** The keys of the body as arguments, as with `@input_schema`. */
function argumentsOf(
  schema: Record<string, Argument>,
  body: Uint8Array,
  { method, headers }: ScoreRequest,
): Record<string, unknown> {
  if (method !== 'GET' && !/^application\/json\b/i.test(headers['content-type'] ?? ''))
    throw new BadInput(rejection('typeNotJson'));
  if (body.length === 0) throw new BadInput('POST body is empty. Expecting a JSON dictionary.');
  const given = plainJson(body, 'POST body could not be decoded as JSON: ');
  if (!TYPES.object!(given)) throw new BadInput('POST body should be a JSON dictionary.');
  return Object.fromEntries(
    Object.entries(schema).map(([name, argument]) => [
      name,
      argumentOf(name, argument, given as Record<string, unknown>),
    ]),
  );
}

function argumentOf(name: string, { type, default: fallback }: Argument, given: Record<string, unknown>): unknown {
  const value = Object.hasOwn(given, name) ? given[name] : fallback;
  if (value === undefined) throw new BadInput(`A value is not provided for the '${name}' parameter.`);
  if (type !== undefined && TYPES[type]?.(value) === false)
    throw new BadInput(`The value of the '${name}' parameter must be of type ${type}.`);
  return value;
}
