/** One worker thread as the HTTP thread sees it: how it starts, what it has in hand, how it ends. */
import { FAILURE } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { StartFailure } from '../failure.ts';
import type { QueuedRequest } from './requestQueue.ts';
import { isResponseBatch, type ResponseBatch } from './responseCodec.ts';
import { ResponseStream } from './responseStream.ts';
import type { ScoreResponse, FromWorker, Requests, ToWorker, Work } from './messages.ts';
import { chdirFor, newChdirState } from './process.ts';
import { Slab } from './slab.ts';

/** Messages a worker has at the same time: one it works on, one that waits at its door. */
export const MAX_MESSAGES_IN_FLIGHT = 2;

const NOTHING = new Uint8Array(0);
/** JavaScript can be ended at once; what takes longer is no JavaScript. */
const TERMINATE_TIMEOUT_MS = 1000;

export interface WorkerCode {
  /** File of the worker's code, its data, and how Node starts it. */
  file: string | URL;
  data: unknown;
  execArgv?: string[];
  /** Of JavaScript's heap in each worker; by default what V8 gives the process. */
  heapMebibytes?: number;
}

export type Ready = Extract<FromWorker, { type: 'ready' }>;

export interface PendingRequest {
  work: Work;
  body: Uint8Array;
  /** Called once, unless the request was cancelled. */
  respond: (response: ScoreResponse) => void;
}

/** Who hears what a worker says, and, once it was ready, that it is gone. */
export interface WorkerListener {
  onResponses: (responses: ResponseBatch) => void;
  log: (level: 'info' | 'error', message: string) => void;
  onEnd: (failure: StartFailure) => void;
  /** The last piece of that answer is here. */
  onStreamEnd: (id: number) => void;
  /** Calls of a model are not joined any more. */
  onDisabled: (message: string) => void;
}

export class WorkerHandle {
  readonly #worker: Worker;
  readonly #inFlight = new Slab<QueuedRequest<PendingRequest>>();
  readonly #streams = new Map<number, ResponseStream>();
  /** Ids of each message that the worker has not taken. */
  readonly #messages: number[][] = [];
  #started = false;
  #stopped: (() => void) | undefined;

  /** Resolves when init() has ended well, rejects with a StartFailure. */
  readonly ready: Promise<Ready>;

  /** Begins at once, and listens from the first moment: a worker can be done before anybody asks for it. */
  constructor(
    { file, data, execArgv, heapMebibytes }: WorkerCode,
    { onResponses, log, onEnd, onStreamEnd, onDisabled }: WorkerListener,
  ) {
    const turn = newChdirState();
    this.#worker = new Worker(file, {
      workerData: { ...(data as object), turn },
      ...(execArgv ? { execArgv } : {}),
      ...(heapMebibytes !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMebibytes } }),
    });
    this.ready = new Promise((resolve, reject) => {
      let over = false;
      const ended = (failure: StartFailure): void => {
        if (this.#stopped || over) return;
        over = true;
        const wasReady = this.#started;
        this.#started = false;
        for (const stream of this.#streams.values()) stream.end(failure.message);
        if (wasReady) onEnd(failure);
        else
          reject(
            failure.reason === FAILURE.requestTooLarge
              ? new StartFailure(
                  FAILURE.initFailed,
                  `loading the model and init() need more memory than there is: ${failure.message}`,
                  failure.detail,
                )
              : failure,
          );
      };
      this.#worker.on('error', (error: unknown) => ended(failureOf(error)));
      this.#worker.on('exit', (code) =>
        ended(new StartFailure(FAILURE.initFailed, `the script ended its own process (exit code ${code})`)),
      );
      this.#worker.on('message', (message: FromWorker) => {
        if (typeof message !== 'object' || (message as unknown) === null) return;
        if (isResponseBatch(message)) {
          this.#messagesDone(message[1]);
          return onResponses(message);
        }
        switch (
          message.type // of whatever else a script posts, nothing
        ) {
          case 'ready':
            this.#started = true;
            return resolve(message);
          case 'failed':
            return reject(new StartFailure(message.reason, message.message, message.detail));
          case 'log':
            return log(message.level, message.message);
          case 'chdir':
            return chdirFor(turn, message.folder, message.call);
          case 'disabled':
            return onDisabled(message.message);
          case 'chunk':
            return message.bytes instanceof Uint8Array
              ? this.#streams.get(message.id)?.chunk(message.bytes)
              : undefined;
          case 'end':
            this.#streams.get(message.id)?.end(message.error);
            this.#streams.delete(message.id);
            return onStreamEnd(message.id);
          case 'stopped':
            return this.#stopped?.();
        }
      });
    });
    this.ready.catch(() => undefined); // whoever starts the pool hears of it
  }

  /** Its init() has ended well, and it has not ended since. */
  get isReady(): boolean {
    return this.#started;
  }

  /** Messages it can take now. */
  get freeSlots(): number {
    return this.#started ? MAX_MESSAGES_IN_FLIGHT - this.#messages.length : 0;
  }

  /** Requests it has in hand. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Sends the requests as one message, their bodies in one buffer that changes hands. `timeoutMs` is counted from when they came. */
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
      queued.item.body = NOTHING; // the worker has it now
    }
    this.#messages.push(ids);
    this.#post(message, [bytes.buffer]);
  }

  /** A sign of life: what has begun is timed from here, what has not is no hang yet. */
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

  /** The queued of an response, which it has in hand no longer. */
  take(id: number): QueuedRequest<PendingRequest> | undefined {
    return this.#inFlight.remove(id);
  }

  /** The queued of an answer that comes in chunks: it stays in hand until the last. */
  startStream(
    id: number,
    gapMs: number,
  ): { queued: QueuedRequest<PendingRequest>; stream: ResponseStream } | undefined {
    const queued = this.#inFlight.get(id);
    if (!queued) return undefined;
    const stream = new ResponseStream(
      { pull: () => this.#post({ type: 'pull', id }), cancel: () => this.#post({ type: 'cancel', id }) },
      gapMs,
    );
    this.#streams.set(id, stream);
    queued.activeSince = Infinity; // how long it takes is the client's doing, too: no call that hangs
    return { queued, stream };
  }

  pending(): QueuedRequest<PendingRequest>[] {
    return this.#inFlight.values();
  }

  /** Lets shutdown() run for `ms` at most, and ends the thread; false when it is in a native call, which nothing can end. */
  async stop(ms: number): Promise<boolean> {
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
    if (this.#started && ms > 0) {
      this.#post({ type: 'shutdown' });
      await Promise.race([stopped, sleep(ms, undefined, { ref: false })]);
    }
    return Promise.race([
      this.#worker.terminate().then(() => true),
      sleep(TERMINATE_TIMEOUT_MS, false, { ref: false }),
    ]);
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/** Node ends a worker, and it alone, whose JavaScript heap has reached its limit. */
function failureOf(error: unknown): StartFailure {
  const { message, stack, code } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error), stack: '', code: undefined };
  return new StartFailure(
    code === 'ERR_WORKER_OUT_OF_MEMORY' ? FAILURE.requestTooLarge : FAILURE.initFailed,
    message,
    stack,
  );
}
