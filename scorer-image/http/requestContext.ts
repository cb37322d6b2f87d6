/** One request and its answer: headers gathered in a list, and sent once. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResponseStream } from '../run/responseStream.ts';
import { writeOkHead, type CommonHeaders } from './responseHead.ts';

/** A client that takes nothing of its answer for this long is disconnected. */
const STALLED_READER_MS = 10_000;
const INITIAL_STATUS = 200; // what node:http begins with
const OTHER_TYPE = 'application/octet-stream';
/** RFC 9110 §15.3.5, §15.4.5: answers without a body, and without its length. */
const NO_BODY = [204, 304];
const CLIENT_GONE = 499;
const TIMED_OUT = 408;
/** How long the rest of a body is read that nothing is done with, so that its client hears why. */
const UNREAD_BODY_TIMEOUT_MS = 10_000;

export class RequestContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path without the query. */
  readonly path: string;
  readonly started = performance.now();
  /** Its own, beside those that all answers share. */
  readonly headers: string[];
  readonly #common: CommonHeaders;
  #hasCustomHeaders = false;
  #stallTimerStarted = false;

  constructor(request: IncomingMessage, response: ServerResponse, headers: string[], shared: CommonHeaders) {
    this.request = request;
    this.response = response;
    this.headers = headers;
    this.#common = shared;
    if (!request.url!.startsWith('/')) request.url = request.url!.replace(/^https?:\/\/[^/?]*(?=\/)/i, ''); // as a proxy writes it
    const url = request.url!;
    const query = url.indexOf('?');
    this.path = query < 0 ? url : url.slice(0, query);
  }

  /** Nobody waits for an answer any more, or has got one. */
  get responded(): boolean {
    return this.response.headersSent || this.response.destroyed;
  }

  /** The status that its client has heard, from here or because its body could not be read; nginx's 499 for one that left before. */
  get finalStatus(): number {
    const { headersSent, statusCode } = this.response;
    return headersSent || statusCode !== INITIAL_STATUS ? statusCode : CLIENT_GONE;
  }

  /** The first of its own headers. */
  get requestId(): string {
    return this.headers[1]!;
  }

  header(name: string, value: string): void {
    this.headers.push(name, value);
  }

  /** The connection ends with the answer. */
  closeConnection(): void {
    this.response.shouldKeepAlive = false;
  }

  /** Hands what was gathered to node:http, for somebody else who answers. */
  setHeaders(): void {
    const all = [...this.#common.list, ...this.headers];
    for (let i = 0; i < all.length; i += 2) this.response.setHeader(all[i]!, all[i + 1]!);
  }

  /** The whole answer. */
  send(status: number, body: string | Uint8Array, type = 'application/json'): void {
    if (this.responded) return;
    if (NO_BODY.includes(status))
      return void this.response.writeHead(status, [...this.#common.list, ...this.headers]).end();
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    this.headers.push('content-type', type, 'content-length', String(length));
    if (status !== 200 || this.#hasCustomHeaders || !writeOkHead(this.response, this.#common, this.headers))
      this.response.writeHead(status, [...this.#common.list, ...this.headers]);
    const bytes = length === body.length ? body : Buffer.from(body as string);
    if (this.request.complete || status === TIMED_OUT)
      this.response.end(bytes, 'latin1'); // ASCII is the same in latin1, which is written faster, and heads are latin1
    else this.#sendBeforeBodyEnds(bytes);
    if (this.response.writableLength > 0) this.#closeStalledReader();
  }

  /** An answer whose length is not known: piece by piece as the client takes them. `onBroken` is called when it ends before it is whole. */
  stream(
    status: number,
    headers: readonly string[],
    { stream, onBroken }: { stream: ResponseStream; onBroken: (error: string) => void },
  ): void {
    if (this.responded) return stream.cancel();
    const { request, response } = this;
    const type = headers.some((name, i) => i % 2 === 0 && name === 'content-type') ? [] : ['content-type', OTHER_TYPE];
    response.writeHead(status, [...this.#common.list, ...this.headers, ...type, ...headers]);
    response.flushHeaders();
    let untaken = 0;
    response.on('drain', () => {
      for (; untaken > 0; untaken--) stream.more();
    });
    response.once('close', () => stream.cancel());
    stream.pipeTo({
      onChunk: (bytes) => {
        if (response.write(bytes)) return stream.more();
        untaken += 1;
        this.#closeStalledReader();
      },
      onEnd: (error) => {
        if (error === undefined) return void response.end();
        onBroken(error);
        if (request.httpVersion === '1.0')
          request.socket.resetAndDestroy(); // the end of the connection would be taken for that of the body
        else response.destroy(); // without the last chunk the body is not whole
      },
    });
  }

  /** An answer with headers of somebody else's, content type and all: node:http looks at them. */
  sendRaw(status: number, body: string | Uint8Array, headers: readonly string[]): void {
    const type = headers.findIndex((name, i) => i % 2 === 0 && name === 'content-type');
    this.headers.push(...headers.filter((_, i) => type < 0 || (i !== type && i !== type + 1)));
    this.#hasCustomHeaders = true;
    this.send(status, body, type < 0 ? OTHER_TYPE : headers[type + 1]);
  }

  /** An error in the words of the path's protocol: V2 says `error`, Azure says `message`. */
  fail(status: number, message: string): void {
    if (status === TIMED_OUT) this.closeConnection();
    this.send(status, JSON.stringify(this.path.startsWith('/v2') ? { error: message } : { message }));
  }

  /** The client may still be sending, and would lose the answer with the connection: it ends when the body has, or after a while. */
  #sendBeforeBodyEnds(bytes: string | Uint8Array): void {
    const { request, response } = this;
    response.write(bytes, 'latin1');
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), UNREAD_BODY_TIMEOUT_MS).unref();
    request.once('close', () => clearTimeout(timer)).once('end', () => response.end());
  }

  /** Ends the connection of a client that takes nothing for {@link STALLED_READER_MS} while there is something to take. */
  #closeStalledReader(): void {
    if (this.#stallTimerStarted) return;
    this.#stallTimerStarted = true;
    const { response } = this;
    let taken = response.socket?.bytesWritten ?? 0;
    const timer = setInterval(() => {
      const now = response.socket?.bytesWritten ?? 0;
      if (now === taken && response.writableLength > 0) response.destroy();
      taken = now;
    }, STALLED_READER_MS).unref();
    response.once('close', () => clearInterval(timer));
  }
}
