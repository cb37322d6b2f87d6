/** One scoring request from its head to its response: counted, timed, and answered once. */
import { rejection } from '../rejections.ts';
import type { QueuedRequest } from '../run/requestQueue.ts';
import type { ScoreResponse, Work } from '../run/messages.ts';
import type { Upload } from '../run/uploads.ts';
import type { PendingRequest } from '../run/workerHandle.ts';
import { readBody } from './body.ts';
import type { RequestContext } from './requestContext.ts';
import type { InferenceServerDeps } from './deps.ts';

/** Names and values of the two request ids, which every response has. */
const FIXED_HEADERS = 4;
const TOO_MANY_REQUESTS = 429;
/** A body gets at least this time, however short requestTimeout is. */
const MIN_GRACE_MS = 10_000;

export interface ScoringRoute {
  work: Work;
  /** Writes the response in the form of the protocol. */
  writeResponse: (context: RequestContext, response: ScoreResponse, deps: InferenceServerDeps) => void;
}

export class ScoringRequest {
  readonly #context: RequestContext;
  readonly #deps: InferenceServerDeps;
  readonly #route: ScoringRoute;
  #upload: Upload | undefined;
  #queued: QueuedRequest<PendingRequest> | undefined;
  /** Duration of run() of a streamed response. */
  #streamedMs: number | undefined;
  #settled = false;

  constructor(context: RequestContext, deps: InferenceServerDeps, asking: ScoringRoute) {
    this.#context = context;
    this.#deps = deps;
    this.#route = asking;
    deps.metrics.begun();
    deps.responses.add(1);
    context.response.on('close', () => {
      deps.responses.add(-1);
      this.#onClose();
    });
  }

  /** Reads the body and dispatches the request; a rejected body is answered here. */
  read(): void {
    this.#upload = this.#deps.dispatcher.uploadBudget();
    const { maxRequestBytes: maxBytes, requestTimeoutMs } = this.#deps.config;
    readBody(
      this.#context.request,
      this.#upload,
      { maxBytes, graceMs: Math.max(MIN_GRACE_MS, requestTimeoutMs) },
      (rejected, body) => {
        this.#finishUpload();
        if (rejected) this.#respond({ kind: 'rejected', ...rejected });
        else if (!this.#settled) this.dispatch(body);
      },
    );
  }

  dispatch(body: Buffer): void {
    this.#queued = this.#deps.dispatcher.dispatch({
      work: this.#route.work,
      body,
      respond: (response) => this.#respond(response),
    });
  }

  #finishUpload(): void {
    this.#upload?.finish();
    this.#upload = undefined;
  }

  #respond(response: ScoreResponse): void {
    if (this.#settled) return;
    const { runMs, stream } = response.kind === 'result' ? response : {};
    if (runMs !== undefined) this.#observeSteps(runMs);
    try {
      this.#route.writeResponse(this.#context, response, this.#deps);
    } catch (error) {
      stream?.cancel();
      this.#failUnwritable(error);
    }
    if (stream)
      this.#streamedMs = runMs; // recorded when the connection closes or the response is complete
    else this.#record(this.#context.response.statusCode, runMs);
  }

  #observeSteps(runMs: number): void {
    if (this.#queued?.sent === undefined) return;
    const { steps } = this.#deps.metrics;
    steps.read.observe((this.#queued.arrived - this.#context.started) / 1000);
    steps.queue.observe((this.#queued.sent - this.#queued.arrived) / 1000);
    steps.run.observe(runMs / 1000);
  }

  /**
   * node:http refuses to write the response, as a rule because of a header of the script: that is a failed request, not
   * a crash.
   */
  #failUnwritable(error: unknown): void {
    this.#deps.logger.error('the response of run() cannot be sent', {
      requestId: this.#context.requestId,
      error: error instanceof Error ? error.stack : String(error),
    });
    this.#context.headers.length = FIXED_HEADERS;
    this.#context.response.statusMessage = ''; // of the refused head
    this.#context.reject(rejection('runFailed'));
  }

  #onClose(): void {
    if (this.#settled) return;
    this.#finishUpload();
    if (this.#queued) this.#deps.dispatcher.cancel(this.#queued);
    this.#record(this.#context.finalStatus, this.#streamedMs);
  }

  #record(code: number, runMs?: number): void {
    const { metrics, demand } = this.#deps;
    const now = performance.now();
    this.#settled = true;
    demand.ended(now, { rejected: code === TOO_MANY_REQUESTS, runMs });
    metrics.ended(code);
    metrics.duration.observe((now - this.#context.started) / 1000);
  }
}
