/** A worker that sends each request to an HTTP server in another container of the pod (environment.server). */
import { FAILURE, type OwnServer } from '@penstock/contract';
import { endToEnd } from '@penstock/server/messageHeaders';
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { StartFailure } from '../failure.ts';
import { scriptHead } from '../protocols/scriptHead.ts';
import type { ByteStream, ScoreRequest } from '../protocols/messages.ts';
import { ChunkSender } from './chunkSender.ts';
import type { Requests, ToWorker, WorkerResponse } from './messages.ts';
import { encode } from './responseCodec.ts';
import { SERVER_HOST, type ServerReadiness } from './serverReadiness.ts';
import type { StartWorker, TransportListener, WorkerMessage, WorkerTransport } from './workerTransport.ts';

/** A connection without a request is closed before a server closes it, which could meet the next request. */
const IDLE_MS = 2_000;
/** A body that is longer, or whose length is not known, is sent on in chunks. */
const MAX_WHOLE_BYTES = 2 ** 20;
const NO_TENSORS = 'this endpoint has a server of its own, which gets requests to /score and /invocations only';

/** Workers that each have one request at the same time, on a connection of their own. */
export const serverWorkers =
  (server: OwnServer, readiness: ServerReadiness): StartWorker =>
  (listener) =>
    new ServerWorker(server, readiness, listener);

class ServerWorker implements WorkerTransport {
  readonly #server: OwnServer;
  readonly #readiness: ServerReadiness;
  readonly #listener: TransportListener;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, timeout: IDLE_MS });
  readonly #end = new AbortController();
  readonly #chunks: ChunkSender;
  readonly maxMessages = 1;

  constructor(server: OwnServer, readiness: ServerReadiness, listener: TransportListener) {
    this.#server = server;
    this.#readiness = readiness;
    this.#listener = listener;
    this.#chunks = new ChunkSender((message) => listener.onMessage(message as WorkerMessage));
    void this.#start();
  }

  get isLost(): boolean {
    return this.#readiness.isLost;
  }

  post(message: ToWorker): void {
    if (Array.isArray(message)) void this.#handle(message);
    else if (message.type === 'shutdown') this.#listener.onMessage({ type: 'stopped' });
    else if (message.type === 'pull') this.#chunks.grantCredit(message.id);
    else this.#chunks.cancel(message.id);
  }

  /** Ends the connection of a request without a response. Whether the server goes on with it is not known. */
  restart(): void {
    void this.terminate();
    this.#listener.onEnd(new StartFailure(FAILURE.scriptCrashed, 'the server container does not answer a request'));
  }

  terminate(): Promise<boolean> {
    this.#end.abort();
    this.#agent.destroy();
    return Promise.resolve(true);
  }

  async #start(): Promise<void> {
    const started = performance.now();
    await this.#readiness.ready();
    const script = { wantsRequest: true, rawHttp: true, schemas: {}, signatures: {}, notes: [] };
    this.#listener.onMessage({ type: 'ready', ...script, initMs: performance.now() - started });
  }

  /** A message has one request, because each worker takes one at the same time. */
  async #handle([[id], , [until], [work], body]: Requests): Promise<void> {
    const started = performance.now();
    if (until! < Date.now()) return this.#respond({ id: id!, status: 504, body: 'the request has waited too long' });
    if (work!.kind === 'infer') return this.#respond({ id: id!, status: 501, body: NO_TENSORS });
    const response = await this.#score(work!.request!, body).catch((error: unknown) => this.#lose(id!, error));
    if (!response) return;
    try {
      const head = { id: id!, runMs: performance.now() - started, ...headOf(response) };
      if (isShort(response)) this.#respond({ ...head, body: await buffer(response) });
      else await this.#stream(head, streamOf(response));
    } catch (error) {
      response.destroy();
      this.#respond({
        id: id!,
        status: 502,
        body: `the response of the server container is not usable: ${String(error)}`,
      });
    }
  }

  /** No worker gets a request until the readiness path answers. Then queued requests are sent. */
  async #lose(id: number, error: unknown): Promise<undefined> {
    const ready = this.#readiness.lose();
    this.#respond({ id, status: 502, body: `the server container gave no response: ${String(error)}` });
    await ready;
    this.#listener.onMessage(encode([], 0, []));
    return undefined;
  }

  #score({ method, url, headers, requestId }: ScoreRequest, body: Uint8Array): Promise<IncomingMessage> {
    const query = url.includes('?') ? url.slice(url.indexOf('?')) : '';
    return this.#send(
      {
        method,
        path: this.#server.path + query,
        headers: { ...requestHeaders(headers), 'x-request-id': requestId, 'content-length': body.length },
        signal: this.#end.signal,
      },
      body,
    );
  }

  #send(options: RequestOptions, body?: Uint8Array): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request({ host: SERVER_HOST, port: this.#server.port, agent: this.#agent, ...options }, resolve)
        .on('upgrade', (_, socket) => {
          socket.destroy();
          reject(new Error('it wants another protocol'));
        })
        .on('error', reject)
        .end(body);
    });
  }

  #respond(response: WorkerResponse): void {
    this.#listener.onMessage(encode([response], 1, []));
  }

  async #stream(head: Omit<WorkerResponse, 'body'>, body: ByteStream): Promise<void> {
    this.#listener.onMessage(encode([{ ...head, body: '', streamed: true }], 0, []));
    await this.#chunks.send(head.id, body, () => undefined);
    this.#listener.onMessage(encode([], 1, [])); // after the end: the next request may have the same id
  }
}

/** What the scorer has changed, or sets itself. */
const NOT_SENT_ON = new Set(['host', 'content-length', 'content-encoding', 'transfer-encoding']);

const requestHeaders = (headers: ScoreRequest['headers']): Record<string, string> =>
  Object.fromEntries(
    [...pairsOf(endToEnd({ rawHeaders: Object.entries(headers).flat(), headers }))].filter(
      ([name]) => !NOT_SENT_ON.has(name),
    ),
  );

const headOf = (response: IncomingMessage): { status: number; headers: string[] } =>
  scriptHead(response.statusCode!, pairsOf(endToEnd(response)));

function* pairsOf(flat: string[]): Generator<[name: string, value: string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
}

const isShort = ({ headers, statusCode }: IncomingMessage): boolean =>
  statusCode === 204 || statusCode === 304 || Number(headers['content-length']) <= MAX_WHOLE_BYTES;

function streamOf(response: IncomingMessage): ByteStream {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  return { next: async () => (await chunks.next()).value, cancel: () => response.destroy() };
}
