/** The HTTP thread's side of the workers: sends requests in batches, hands responses back, keeps deadlines. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import { StartFailure } from '../failure.ts';
import { rejection } from '../rejections.ts';
import { DeadlineTimer } from './deadlineTimer.ts';
import type { DispatcherOptions } from './dispatcherOptions.ts';
import { withinInitTimeout } from './initTimeout.ts';
import type { ResponseBatch, ScoreResponse } from './messages.ts';
import { RequestQueue, type QueuedRequest } from './requestQueue.ts';
import { decode } from './responseCodec.ts';
import { Uploads, type Upload } from './uploads.ts';
import { callHung, isReplaced, rejectionOf, replaced, withoutRequest } from './workerFailures.ts';
import { WorkerHandle, type PendingRequest, type Ready } from './workerHandle.ts';

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue: RequestQueue<PendingRequest>;
  readonly #uploads: Uploads;
  readonly #workers: WorkerHandle[];
  readonly #deadlines = new DeadlineTimer({
    isNeeded: () => !this.#stopping && this.inFlight > 0,
    check: (now, stalled) => this.#checkDeadlines(now, stalled),
  });
  #flushScheduled = false;
  #started = false;
  #stopping = false;
  signatures: Record<string, ModelSignature> = {};
  /** What a script exports beside init() and run(). */
  script: Pick<Ready, 'wantsRequest' | 'rawHttp' | 'schemas'> = { wantsRequest: false, rawHttp: false, schemas: {} };

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#queue = new RequestQueue(options.limits);
    this.#uploads = new Uploads(this.#queue);
    this.#workers = Array.from({ length: options.workers }, () => this.#newWorker());
  }

  #newWorker(): WorkerHandle {
    const { log, onDisabled } = this.#options;
    const worker: WorkerHandle = new WorkerHandle(this.#options.startWorker, {
      onResponses: (responses) => this.#onResponses(worker, responses),
      log,
      onDisabled,
      onEnd: (failure) => (isReplaced(failure) ? this.#replaceWorker(worker, failure) : this.#fail(failure)),
      onStreamEnd: (id) => {
        this.#complete(worker, id);
        this.#flush();
      },
    });
    return worker;
  }

  /**
   * Waits for the workers, which were started by the constructor. Resolves with the seconds that loading and init()
   * took in the slowest worker. Rejects with StartFailure.
   */
  async start(): Promise<number> {
    const all = Promise.all(this.#workers.map(({ ready }) => ready));
    const ready = await withinInitTimeout(all, this.#options.initTimeoutMs);
    this.signatures = ready[0]!.signatures;
    this.script = ready[0]!;
    for (const line of ready[0]!.notes) this.#options.log('info', line);
    this.#started = true;
    return Math.max(...ready.map(({ initMs }) => initMs)) / 1000;
  }

  /** Whether some worker can take a request; false while the only worker is replaced. */
  get canServe(): boolean {
    return this.#workers.some(({ isReady }) => isReady);
  }

  /** Requests that are queued or with a worker. */
  get inFlight(): number {
    return this.#queue.waiting + this.#queue.running;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Requests that are being uploaded, queued, or with a worker. */
  get inProgress(): number {
    return this.#uploads.open + this.inFlight;
  }

  /** Counts the bytes of one request body while it is uploaded. */
  uploadBudget(): Upload {
    return this.#uploads.start();
  }

  /** Queues a request; its response comes by `respond`. The result is for {@link cancel}; undefined: refused. */
  dispatch(pending: PendingRequest): QueuedRequest<PendingRequest> | undefined {
    const now = performance.now();
    const queued = this.#stopping ? undefined : this.#queue.enqueue(pending, pending.body.length, now);
    if (!queued) {
      const why = rejection(this.#stopping ? 'restarting' : 'tooManyBytes');
      queueMicrotask(() => pending.respond({ kind: 'rejected', ...why }));
      return undefined;
    }
    this.#options.onLoad(this.inFlight, now);
    if (this.#queue.hasFullMessage && this.#leastLoaded()) this.#flush();
    else this.#scheduleFlush();
    return queued;
  }

  /** Call when the client has disconnected. */
  cancel(queued: QueuedRequest<PendingRequest>): void {
    this.#queue.cancel(queued);
    this.#options.onLoad(this.inFlight, performance.now());
  }

  /**
   * Runs the script's shutdown() for at most `ms` and ends the workers. Queued requests get 503. Resolves with false
   * when a worker cannot be ended.
   */
  async stop(ms: number): Promise<boolean> {
    this.#stopping = true;
    this.#deadlines.stop();
    this.#clearQueue();
    return (await Promise.all(this.#workers.map((worker) => worker.stop(this.#started ? ms : 0)))).every(Boolean);
  }

  /** Requests that arrive in one turn of the event loop are sent as one message. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  /** Spreads queued requests over all free message slots, so that the HTTP thread and the workers run in parallel. */
  #flush(): void {
    const now = performance.now();
    this.#options.onLoad(this.inFlight, now);
    let slots = this.#workers.reduce((sum, worker) => sum + worker.freeSlots, 0);
    for (let worker = this.#leastLoaded(); worker; worker = this.#leastLoaded()) {
      const batch = this.#queue.dequeueBatch(now, slots--);
      if (batch.length === 0) break;
      worker.send(batch, now, this.#options.limits.requestTimeoutMs);
    }
    this.#deadlines.arm();
  }

  #leastLoaded(): WorkerHandle | undefined {
    let best: WorkerHandle | undefined;
    for (const worker of this.#workers)
      if (worker.freeSlots > 0 && (!best || worker.inFlight < best.inFlight)) best = worker;
    return best;
  }

  #onResponses(worker: WorkerHandle, responses: ResponseBatch): void {
    for (const rows of responses[2]) this.#options.onBatch(rows);
    const completed: [QueuedRequest<PendingRequest>, ScoreResponse][] = [];
    for (const response of decode(responses)) {
      if (response.streamed) this.#onStreamStart(worker, response);
      else {
        const queued = this.#complete(worker, response.id);
        if (queued) completed.push([queued, response]);
      }
    }
    this.#flush(); // first, so that the worker runs while the responses are written
    for (const [queued, response] of completed) this.#respond(queued, response);
  }

  /** The head of a streamed response: the request keeps its place in the worker until the last chunk. */
  #onStreamStart(worker: WorkerHandle, response: ScoreResponse & { kind: 'result' }): void {
    const known = worker.startStream(response.id, this.#options.limits.requestTimeoutMs);
    if (!known) return;
    const { queued, stream } = known;
    this.#queue.startStreaming(queued);
    if (queued.settled) stream.cancel();
    else this.#respond(queued, { ...response, stream });
  }

  /** The request is not with the worker any more. Undefined for one that the worker does not have. */
  #complete(worker: WorkerHandle, id: number): QueuedRequest<PendingRequest> | undefined {
    const queued = worker.take(id);
    if (queued) this.#queue.complete(queued);
    return queued;
  }

  #respond(queued: QueuedRequest<PendingRequest>, response: ScoreResponse): void {
    if (!queued.settled) queued.item.respond(response);
    queued.settled = true;
  }

  #checkDeadlines(now: number, stalled: boolean): void {
    const expired = this.#queue.expireQueued(now);
    if (expired.length > 0) this.#options.onLoad(this.inFlight, now);
    for (const { item } of expired) item.respond({ kind: 'rejected', ...rejection('queueTimeout') });
    if (stalled) return;
    const { timedOut, hung } = this.#queue.expireRunning(now);
    const { requestTimeoutMs: milliseconds, hangMs } = this.#options.limits;
    for (const { item } of timedOut)
      item.respond({ kind: 'rejected', ...rejection('requestTimeout', { milliseconds }) });
    if (hung) this.#restartHung(now, callHung(hangMs));
  }

  /** Where workers are processes, those with a call that hangs are replaced; else the whole process must end. */
  #restartHung(now: number, failure: StartFailure): void {
    const { hangMs } = this.#options.limits;
    const hung = this.#workers.filter((worker) =>
      worker.pending().some(({ activeSince }) => now - activeSince! >= hangMs),
    );
    if (!hung.every((worker) => worker.restart())) return this.#fail(failure);
    this.#options.log('error', replaced(failure));
  }

  /**
   * Replaces a worker whose heap overflowed, or whose process ended. Its only request gets 413 or 500; several requests
   * get 503.
   */
  #replaceWorker(worker: WorkerHandle, failure: StartFailure): void {
    if (this.#stopping) return;
    const pending = worker.pending();
    if (pending.length === 0 && !(worker.hasServed && failure.reason === FAILURE.scriptCrashed))
      return this.#fail(withoutRequest(failure));
    const alone = pending.filter(({ settled }) => !settled).length === 1;
    const why = alone ? rejectionOf(failure) : rejection('restarting');
    for (const queued of pending) {
      this.#queue.complete(queued);
      this.#respond(queued, { kind: 'rejected', ...why });
    }
    this.#options.onReplaced(replaced(failure));
    const next = this.#newWorker();
    this.#workers[this.#workers.indexOf(worker)] = next;
    void withinInitTimeout(next.ready, this.#options.initTimeoutMs).then(
      () => this.#flush(),
      (failure: unknown) => this.#fail(failure as StartFailure),
    );
    this.#flush();
  }

  #fail({ reason, message, detail }: StartFailure): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const queued of this.#workers.flatMap((worker) => worker.pending()))
      this.#respond(queued, { kind: 'rejected', status: 500, message, ...(detail !== '' && { stack: detail }) });
    this.#clearQueue();
    const crash = reason === FAILURE.scriptHung ? reason : FAILURE.scriptCrashed;
    this.#options.onCrash(new StartFailure(crash, message, detail));
  }

  #clearQueue(): void {
    for (const queued of this.#queue.clear()) this.#respond(queued, { kind: 'rejected', ...rejection('restarting') });
  }
}
