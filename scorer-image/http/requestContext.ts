/** One request and its response. Headers are collected in a list and sent once. */
import { errorBody } from '@penstock/server/errorBody';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rejection } from '../rejections.ts';
import type { ResponseStream } from '../run/responseStream.ts';
import { writeOkHead, type CommonHeaders } from './responseHead.ts';

/** A client that reads nothing of its response for this long is disconnected. */
const STALLED_READER_MS = 10_000;
/** statusCode of a response in node:http before anything sets it. */
const INITIAL_STATUS = 200;
const OTHER_TYPE = 'application/octet-stream';
/** Responses without body and content-length (RFC 9110 §15.3.5, §15.4.5). */
const NO_BODY = [204, 304];
const CLIENT_GONE = 499;
const TIMED_OUT = 408;
/** How long the rest of a rejected body is read, so that its client can read the response. */
const UNREAD_BODY_TIMEOUT_MS = 10_000;

export class RequestContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path without the query. */
  readonly path: string;
  readonly started = performance.now();
  /** Names and values in turn, without the common ones. */
  readonly headers: string[];
  readonly #common: CommonHeaders;
  #hasCustomHeaders = false;
  #stallTimerStarted = false;

  constructor(request: IncomingMessage, response: ServerResponse, headers: string[], shared: CommonHeaders) {
    this.request = request;
    this.response = response;
    this.headers = headers;
    this.#common = shared;
    // absolute form, as a proxy sends it
    if (!request.url!.startsWith('/')) request.url = request.url!.replace(/^https?:\/\/[^/?]*(?=\/)/i, '');
    const url = request.url!;
    const query = url.indexOf('?');
    this.path = query < 0 ? url : url.slice(0, query);
  }

  /** The response has been started, or the client has disconnected. */
  get responded(): boolean {
    return this.response.headersSent || this.response.destroyed;
  }

  /** The status that was sent, also for a malformed request; nginx's 499 if the client disconnected before that. */
  get finalStatus(): number {
    const { headersSent, statusCode } = this.response;
    return headersSent || statusCode !== INITIAL_STATUS ? statusCode : CLIENT_GONE;
  }

  /** The value of the first header. */
  get requestId(): string {
    return this.headers[1]!;
  }

  header(name: string, value: string): void {
    this.headers.push(name, value);
  }

  /** Closes the connection after the response. */
  closeConnection(): void {
    this.response.shouldKeepAlive = false;
  }

  /** Sets the collected headers on the response, for a handler that writes it itself. */
  setHeaders(): void {
    const all = [...this.#common.list, ...this.headers];
    for (let i = 0; i < all.length; i += 2) this.response.setHeader(all[i]!, all[i + 1]!);
  }

  /** Sends the whole response. */
  send(status: number, body: string | Uint8Array, type = 'application/json'): void {
    if (this.responded) return;
    if (NO_BODY.includes(status)) return void this.response.writeHead(status, this.#allHeaders()).end();
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    this.headers.push('content-type', type, 'content-length', String(length));
    this.#writeHead(status);
    // ASCII is the same in latin1, which is written faster, and heads are latin1.
    const bytes = length === body.length ? body : Buffer.from(body as string);
    if (this.request.complete || status === TIMED_OUT) this.response.end(bytes, 'latin1');
    else this.#sendBeforeBodyEnds(bytes);
    if (this.response.writableLength > 0) this.#closeStalledReader();
  }

  #writeHead(status: number): void {
    const isFast = status === 200 && !this.#hasCustomHeaders;
    if (!isFast || !writeOkHead(this.response, this.#common, this.headers))
      this.response.writeHead(status, this.#allHeaders());
  }

  #allHeaders(): string[] {
    return [...this.#common.list, ...this.headers];
  }

  /**
   * Sends a response of unknown length, chunk by chunk as the client reads them. `onBroken` is called if it ends early.
   */
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
    let unread = 0;
    response.on('drain', () => {
      for (; unread > 0; unread--) stream.more();
    });
    response.once('close', () => stream.cancel());
    stream.pipeTo({
      onChunk: (bytes) => {
        if (response.write(bytes)) return stream.more();
        unread += 1;
        this.#closeStalledReader();
      },
      onEnd: (error) => {
        if (error === undefined) return void response.end();
        onBroken(error);
        if (request.httpVersion === '1.0')
          request.socket.resetAndDestroy(); // HTTP/1.0 takes the end of the connection for the end of the body
        else response.destroy(); // without the last chunk the client sees an incomplete body
      },
    });
  }

  /** Sends a response with headers of a script, which node:http validates. */
  sendRaw(status: number, body: string | Uint8Array, headers: readonly string[]): void {
    const type = headers.findIndex((name, i) => i % 2 === 0 && name === 'content-type');
    this.headers.push(...headers.filter((_, i) => type < 0 || (i !== type && i !== type + 1)));
    this.#hasCustomHeaders = true;
    this.send(status, body, type < 0 ? OTHER_TYPE : headers[type + 1]);
  }

  /** Sends an error in the form of the path's protocol: V2 has `error`, Azure ML has `message`. */
  reject({ status, message }: Rejection): void {
    if (status === TIMED_OUT) this.closeConnection();
    this.send(status, errorBody(this.path, message));
  }

  /**
   * The client may still be sending, and would lose the response if the connection closed: it closes when the body
   * ends, or after a timeout.
   */
  #sendBeforeBodyEnds(bytes: string | Uint8Array): void {
    const { request, response } = this;
    response.write(bytes, 'latin1');
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), UNREAD_BODY_TIMEOUT_MS).unref();
    request.once('close', () => clearTimeout(timer)).once('end', () => response.end());
  }

  /** Closes the connection of a client that reads nothing for {@link STALLED_READER_MS} while data is buffered. */
  #closeStalledReader(): void {
    if (this.#stallTimerStarted) return;
    this.#stallTimerStarted = true;
    const { response } = this;
    let read = response.socket?.bytesWritten ?? 0;
    const timer = setInterval(() => {
      const now = response.socket?.bytesWritten ?? 0;
      if (now === read && response.writableLength > 0) response.destroy();
      read = now;
    }, STALLED_READER_MS).unref();
    response.once('close', () => clearInterval(timer));
  }
}
