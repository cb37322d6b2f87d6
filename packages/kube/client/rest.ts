/**
 * One HTTP request to the API server: credentials, deadline, size limit, and the last check that this replica leads.
 */
import type { Dispatcher } from 'undici';
import { kubeError, TooLarge } from './errors.ts';
import { fence } from './fence.ts';
import { parseObject } from './parse.ts';
import type { Pool, Use } from './pool.ts';

const CALL_TIMEOUT_MS = 15_000;

export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
  bodyTimeout?: number;
  /** A response body with more bytes fails with {@link TooLarge}. */
  maxBytes?: number;
  /** The connections to use; `calls` by default. */
  use?: Use;
  /** Sent only while this replica leads. */
  fenced?: boolean;
}

export interface RestOptions {
  /** Deadline of one call in milliseconds; a watch brings its own signal. */
  callTimeoutMs?: number;
  /** Whether this replica leads; asked again when the first byte of a fenced call is about to be sent. */
  mayWrite?: () => boolean;
}

/** Sends calls with plain JSON in and out: client-node's model classes drop fields that they do not know. */
export class RestClient {
  readonly #pool: Pool;
  readonly #userAgent: string;
  readonly #callTimeoutMs: number;
  readonly #mayWrite: () => boolean;
  #fenced: { of: Dispatcher; dispatcher: Dispatcher } | undefined;

  constructor(pool: Pool, userAgent: string, { callTimeoutMs = CALL_TIMEOUT_MS, mayWrite = () => true }: RestOptions) {
    this.#pool = pool;
    this.#userAgent = userAgent;
    this.#callTimeoutMs = callTimeoutMs;
    this.#mayWrite = mayWrite;
  }

  /** Resolves with the response, whose body the caller reads. After a 401 the credentials are read again, once. */
  async open(call: Call): Promise<Dispatcher.ResponseData> {
    const response = await this.#send(call);
    if (response.statusCode !== 401) return response;
    await response.body.dump();
    this.#pool.refresh();
    return this.#send(call);
  }

  /** Resolves with the object in the response body. Rejects with KubeError for a status of 300 or more. */
  async call<T>(call: Call): Promise<T> {
    const response = await this.open(call);
    const text = await readText(response.body, call.maxBytes ?? Infinity);
    if (response.statusCode >= 300) throw kubeError(response.statusCode, text, response.headers['retry-after']);
    return parseObject(text) as T;
  }

  async #send(call: Call): Promise<Dispatcher.ResponseData> {
    const { server, dispatchers, headers } = await this.#pool.access();
    const dispatcher = dispatchers[call.use ?? 'calls'];
    const url = new URL(server + call.path);
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    return (call.fenced ? this.#behindFence(dispatcher) : dispatcher).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: call.method,
      signal: call.signal ?? AbortSignal.timeout(this.#callTimeoutMs),
      headers: { ...headers, 'user-agent': this.#userAgent, ...headersOf(call) },
      ...(call.bodyTimeout === undefined ? {} : { bodyTimeout: call.bodyTimeout }),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
  }

  #behindFence(dispatcher: Dispatcher): Dispatcher {
    if (this.#fenced?.of !== dispatcher)
      this.#fenced = { of: dispatcher, dispatcher: dispatcher.compose(fence(this.#mayWrite)) };
    return this.#fenced.dispatcher;
  }
}

function headersOf({
  accept = 'application/json',
  body,
  contentType = 'application/json',
}: Call): Record<string, string> {
  return {
    accept,
    ...(body === undefined ? {} : { 'content-type': contentType }),
  };
}

/** The text of a body. Throws TooLarge as soon as it has more than `maxBytes`. */
async function readText(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // leaving the loop closes the connection
    if (bytes > maxBytes) throw new TooLarge(`the response has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
