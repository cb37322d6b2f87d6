/** The HTTP thread's handle of one worker: its start, its requests in flight, its end. */
import { FAILURE } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartFailure } from '../failure.ts';
import type { QueuedRequest } from './requestQueue.ts';
import { isResponseBatch } from './responseCodec.ts';
import { ResponseStream } from './responseStream.ts';
import type { FromWorker, ResponseBatch, ScoreResponse, Requests, Work } from './messages.ts';
import { Slab } from './slab.ts';
import type { StartWorker, WorkerMessage, WorkerTransport } from './workerTransport.ts';

/** Messages that a worker has at the same time: one that it processes, and the next one. */
export const MAX_MESSAGES_IN_FLIGHT = 2;

const NOTHING = new Uint8Array(0);

export type Ready = Extract<FromWorker, { type: 'ready' }>;
type OtherMessage = Exclude<WorkerMessage, ResponseBatch | { type: 'ready' | 'failed' }>;

export interface PendingRequest {
  work: Work;
  body: Uint8Array;
  /** Called once, unless the request was cancelled. */
  respond: (response: ScoreResponse) => void;
}

/** Receives the messages of a worker and, once it was ready, its end. */
export interface WorkerListener {
  onResponses: (responses: ResponseBatch) => void;
  log: (level: 'info' | 'error', message: string) => void;
  onEnd: (failure: StartFailure) => void;
  /** The last chunk of the response with that id has arrived. */
  onStreamEnd: (id: number) => void;
  /** Calls of a model are no longer batched. */
  onDisabled: (message: string) => void;
}

export class WorkerHandle {
  readonly #transport: WorkerTransport;
  readonly #inFlight = new Slab<QueuedRequest<PendingRequest>>();
  readonly #streams = new Map<number, ResponseStream>();
  /** Ids of each message that the worker has not finished. */
  readonly #messages: number[][] = [];
  #started = false;
  #served = false;
  #ended = false;
  #stopped: (() => void) | undefined;

  /** Resolves when init() has succeeded. Rejects with StartFailure. */
  readonly ready: Promise<Ready>;

  /** Starts the worker at once. */
  constructor(start: StartWorker, listener: WorkerListener) {
    const { promise, resolve, reject } = Promise.withResolvers<Ready>();
    this.ready = promise;
    this.#transport = start({
      onEnd: (failure) => this.#onEnd(failure, listener.onEnd, reject),
      onMessage: (message) => {
        if (isResponseBatch(message)) {
          this.#messagesDone(message[1]);
          listener.onResponses(message);
        } else if (message.type === 'ready') {
          this.#started = true;
          resolve(message);
        } else if (message.type === 'failed') reject(new StartFailure(message.reason, message.message, message.detail));
        else this.#onMessage(message, listener);
      },
    });
    this.ready.catch(() => undefined); // the dispatcher handles the rejection
  }

  #onMessage(message: OtherMessage, { log, onDisabled, onStreamEnd }: WorkerListener): void {
    switch (message.type) {
      case 'log':
        return log(message.level, message.message);
      case 'disabled':
        return onDisabled(message.message);
      case 'chunk':
        return this.#onChunk(message.id, message.bytes);
      case 'end':
        this.#endStream(message.id, message.error);
        return onStreamEnd(message.id);
      case 'stopped':
        return this.#stopped?.();
    }
  }

  #onChunk(id: number, bytes: unknown): void {
    if (bytes instanceof Uint8Array) this.#streams.get(id)?.chunk(bytes);
  }

  #endStream(id: number, error: string | undefined): void {
    this.#streams.get(id)?.end(error);
    this.#streams.delete(id);
  }

  /** The worker has ended by itself. */
  #onEnd(failure: StartFailure, onEnd: WorkerListener['onEnd'], reject: (failure: StartFailure) => void): void {
    if (this.#stopped || this.#ended) return;
    this.#ended = true;
    const wasReady = this.#started;
    this.#started = false;
    for (const stream of this.#streams.values()) stream.end(failure.message);
    if (wasReady) onEnd(failure);
    else reject(failure.reason === FAILURE.requestTooLarge ? initOutOfMemory(failure) : failure);
  }

  /** It has finished a request. */
  get hasServed(): boolean {
    return this.#served;
  }

  /** init() has succeeded and the worker has not ended. */
  get isReady(): boolean {
    return this.#started && !this.#transport.isLost;
  }

  /** Messages that can be sent now. */
  get freeSlots(): number {
    const { maxMessages = MAX_MESSAGES_IN_FLIGHT, isLost = false } = this.#transport;
    return this.#started && !isLost ? maxMessages - this.#messages.length : 0;
  }

  /** Requests that were sent and have no response. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /**
   * Sends requests as one message; the buffer with their bodies is transferred. `timeoutMs` counts from the arrival of
   * each request.
   */
  send(batch: readonly QueuedRequest<PendingRequest>[], now: number, timeoutMs: number): void {
    const bytes = new Uint8Array(batch.reduce((sum, { item }) => sum + item.body.length, 0));
    const deadline = Date.now() - now + timeoutMs;
    const message: Requests = [[], [], [], [], bytes];
    const [ids, ends, until, work] = message;
    let end = 0;
    for (const queued of batch) {
      ids.push(this.#inFlight.insert(queued));
      bytes.set(queued.item.body, end);
      ends.push((end += queued.item.body.length));
      until.push(deadline + queued.arrived);
      work.push(queued.item.work);
      queued.item.body = NOTHING; // transferred to the worker
    }
    this.#messages.push(ids);
    this.#transport.post(message, [bytes.buffer]);
  }

  /** The worker is responsive: hang detection of its running requests starts again. */
  #messagesDone(taken: number): void {
    const now = performance.now();
    for (const ids of this.#messages) {
      for (const id of ids) {
        const queued = this.#inFlight.get(id);
        if (queued && queued.activeSince !== Infinity) queued.activeSince = now;
      }
    }
    this.#messages.splice(0, taken);
  }

  /** Removes and returns the request of a complete response. */
  take(id: number): QueuedRequest<PendingRequest> | undefined {
    this.#served = true;
    return this.#inFlight.remove(id);
  }

  /** Starts a streamed response; the request stays in flight until its last chunk. */
  startStream(
    id: number,
    gapMs: number,
  ): { queued: QueuedRequest<PendingRequest>; stream: ResponseStream } | undefined {
    const queued = this.#inFlight.get(id);
    if (!queued) return undefined;
    const stream = new ResponseStream(
      {
        pull: () => this.#transport.post({ type: 'pull', id }),
        cancel: () => {
          this.#transport.post({ type: 'cancel', id });
          // a generator that goes on counts as hung
          if (this.#transport.restart) queued.activeSince = performance.now();
        },
      },
      gapMs,
    );
    this.#streams.set(id, stream);
    queued.activeSince = Infinity; // its duration depends on the client, too, so it never counts as hung
    return { queued, stream };
  }

  /** Ends the worker, whose call hangs; `onEnd` follows. Returns false where only the whole process can end it. */
  restart(): boolean {
    const now = performance.now();
    for (const queued of this.pending()) queued.activeSince = now; // once, and again if that does not help
    this.#transport.restart?.();
    return this.#transport.restart !== undefined;
  }

  pending(): QueuedRequest<PendingRequest>[] {
    return this.#inFlight.values();
  }

  /**
   * Runs shutdown() for at most `ms` and ends the worker. Resolves with false when it is in a native call and cannot be
   * ended.
   */
  async stop(ms: number): Promise<boolean> {
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
    if (this.#started && ms > 0) {
      this.#transport.post({ type: 'shutdown' });
      await Promise.race([stopped, sleep(ms, undefined, { ref: false })]);
    }
    return this.#transport.terminate();
  }
}

const initOutOfMemory = ({ message, detail }: StartFailure): StartFailure =>
  new StartFailure(
    FAILURE.initFailed,
    `loading the model and init() need more memory than there is: ${message}`,
    detail,
  );
