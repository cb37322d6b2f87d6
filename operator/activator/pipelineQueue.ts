/** One pipeline at the activator's door: who may come in, who waits, and when the waiting is over. */
import { authorized, unauthorizedMessage } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Activation } from '../api/activation.ts';
import { forward } from './forward.ts';
import { BufferedRequest, QUEUE_TIMEOUT_MS } from './bufferedRequest.ts';
import type { ActivatorMetrics, Outcome } from './metrics.ts';

const MAX_QUEUED = 1_000;
const RETRY_AFTER_S = { full: '5', failed: '10' };
/** While somebody waits: the wish is repeated, and asked why it takes so long. */
const SCALE_FROM_ZERO_INTERVAL_MS = 1_000;
/** A pod that the Service knows of and that takes no connection is tried again after this long. */
const CONNECT_RETRY_MS = 250;

/** What is known of the pipeline's place in the cluster now. */
export interface Backends {
  activation: Activation;
  /** The pods that the Service leads to, and their port. */
  pods: string[];
  port: number;
  /** How many activators share the pipeline's requests. */
  activators: number;
}

/** Why there is no pod yet; `final` when waiting does not help. */
export interface Availability {
  available: boolean;
  reason: string;
  message: string;
  final: boolean;
}

export interface PipelineQueueDeps {
  pipeline: string;
  metrics: ActivatorMetrics;
  /** Gives the revision's Deployment its first pod; true when it had none. */
  scaleFromZero: (revision: string) => Promise<boolean>;
  availability: () => Promise<Availability | 'gone'>;
  /** Takes one of the places that all namespaces share; false when this one has its share. */
  reserve: () => boolean;
  release: () => void;
  onError: (error: unknown) => void;
}

export class PipelineQueue {
  readonly #deps: PipelineQueueDeps;
  #backends: Backends;
  readonly #queued: BufferedRequest[] = [];
  #inFlight = 0;
  #nextBackend = 0;
  /** When somebody began to wait for a pod. */
  #scalingSince: number | undefined;
  #deleted = false;
  #cachedAvailability: { at: number; answer: Promise<Availability | 'gone' | undefined> } | undefined;
  #pausedUntil = 0;

  constructor(place: Backends, deps: PipelineQueueDeps) {
    this.#backends = place;
    this.#deps = deps;
  }

  update(place: Backends): void {
    if (this.#scalingSince !== undefined && this.#backends.pods.length === 0 && place.pods.length > 0)
      this.#deps.metrics.coldStart.observe((performance.now() - this.#scalingSince) / 1000);
    this.#backends = { ...place, activators: place.activators || this.#backends.activators }; // none once the pods serve: those that shared the wait share it on
    this.#deleted = false;
    this.#dispatch();
    if (place.pods.length === 0) void this.#scaleFromZero();
  }

  /** The pipeline is gone, or always has pods now: who can still be served is, everybody else is told. */
  close(): void {
    this.#deleted = true;
    if (this.#backends.pods.length === 0)
      this.#refuseAll(404, `The endpoint ${this.#deps.pipeline} does not exist any more`, 'gone');
  }

  /** Answers now or later. Nothing is woken by somebody without a key, nor by a health check. */
  handle(held: BufferedRequest): void {
    const { activation, pods } = this.#backends;
    const { metrics } = this.#deps;
    const isHealth = isRead(held.request.method) && (held.path === '/' || held.path.startsWith('/v2/health/'));
    if (isHealth && pods.length === 0) return void this.#answerHealth(held);
    const { authorization } = held.request.headers;
    if (!isHealth && activation.auth === 'Key' && !authorized(authorization, activation.keyHashes)) {
      metrics.requests.inc({ outcome: 'unauthorized' });
      return held.fail(401, unauthorizedMessage(authorization), { 'www-authenticate': 'Bearer' });
    }
    if (this.#queued.length >= MAX_QUEUED || !this.#deps.reserve()) {
      metrics.requests.inc({ outcome: 'full' });
      return held.fail(503, 'Too many requests wait for this endpoint to start', { 'retry-after': RETRY_AFTER_S.full });
    }
    metrics.held.inc();
    held.startTimeout(
      () => void this.#timeOut(held),
      () => this.#dequeue(held),
    );
    this.#queued.push(held);
    this.#dispatch();
    if (this.#backends.pods.length === 0) void this.#scaleFromZero();
  }

  /** As many at a time as the pods can have in work, all activators together. */
  #dispatch(): void {
    const { pods, port, activation, activators } = this.#backends;
    if (pods.length === 0 || performance.now() < this.#pausedUntil) return;
    const places = Math.max(1, Math.floor((activation.maxConcurrentRequests * pods.length) / Math.max(activators, 1)));
    while (this.#queued.length > 0 && this.#inFlight < places) {
      const held = this.#queued.shift()!;
      held.stopTimeout();
      this.#inFlight += 1;
      this.#nextBackend += 1;
      void this.#forward(held, pods[this.#nextBackend % pods.length]!, port);
    }
  }

  async #forward(held: BufferedRequest, address: string, port: number): Promise<void> {
    const reached = await forward(held, {
      address,
      port,
      requestTimeoutMs: this.#backends.activation.requestTimeoutMs,
    });
    this.#inFlight -= 1;
    if (reached) {
      this.#deps.metrics.requests.inc({ outcome: 'forwarded' });
      this.#leave();
      return this.#dispatch();
    }
    this.#queued.unshift(held);
    held.restartTimeout();
    this.#pausedUntil = performance.now() + CONNECT_RETRY_MS;
    setTimeout(() => {
      void this.#scaleFromZero(); // it may be gone, and the news of it late
      this.#dispatch();
    }, CONNECT_RETRY_MS + 1);
  }

  /** One round after another while somebody waits and nobody can be asked: wake, look why not, tell. */
  async #scaleFromZero(): Promise<void> {
    if (this.#scalingSince !== undefined || this.#queued.length === 0) return;
    this.#scalingSince = performance.now();
    while (this.#queued.length > 0 && !this.#deleted) {
      if (await this.#deps.scaleFromZero(this.#backends.activation.revision).catch(this.#deps.onError))
        this.#deps.metrics.wakes.inc();
      await sleep(SCALE_FROM_ZERO_INTERVAL_MS);
      if (this.#backends.pods.length > 0 && performance.now() >= this.#pausedUntil) break;
      const standing = await this.#availability();
      if (standing === 'gone') this.close();
      else if (standing?.final) this.#refuseAll(503, this.#reason(standing), 'failed');
    }
    this.#scalingSince = undefined;
  }

  async #timeOut(held: BufferedRequest): Promise<void> {
    const standing = await this.#availability();
    if (held.responded || !this.#dequeue(held)) return; // served meanwhile
    this.#deps.metrics.requests.inc({ outcome: 'timeout' });
    held.fail(
      503,
      standing === undefined || standing === 'gone'
        ? `No pod came up within ${QUEUE_TIMEOUT_MS / 1000} s`
        : this.#reason(standing),
      { 'retry-after': RETRY_AFTER_S.failed },
    );
  }

  /** Undefined when nobody knows. Asked once a second at most, however many wait or check its health. */
  #availability(): Promise<Availability | 'gone' | undefined> {
    if (this.#cachedAvailability && performance.now() - this.#cachedAvailability.at < SCALE_FROM_ZERO_INTERVAL_MS)
      return this.#cachedAvailability.answer;
    const answer = this.#deps.availability().catch((error: unknown) => {
      this.#deps.onError(error);
      return undefined;
    });
    this.#cachedAvailability = { at: performance.now(), answer };
    return answer;
  }

  async #answerHealth(held: BufferedRequest): Promise<void> {
    const standing = await this.#availability();
    const available = typeof standing === 'object' && standing.available;
    this.#deps.metrics.requests.inc({ outcome: 'answered' });
    if (held.path.startsWith('/v2'))
      held.send(
        available || held.path.endsWith('/live') ? 200 : 503,
        JSON.stringify(held.path.endsWith('/live') ? { live: true } : { live: true, ready: available }),
      );
    else
      held.send(available ? 200 : 503, available ? 'Healthy' : 'Unhealthy', {
        'content-type': 'text/plain; charset=utf-8',
      });
  }

  /** Production keeps what a script said to itself. */
  #reason({ reason, message }: Availability): string {
    return `The endpoint cannot serve now: ${reason}${this.#backends.activation.exposeErrors && message !== '' ? `: ${message}` : ''}`;
  }

  #refuseAll(status: number, message: string, outcome: Outcome): void {
    for (const held of [...this.#queued]) {
      this.#dequeue(held);
      this.#deps.metrics.requests.inc({ outcome });
      held.fail(status, message, status === 503 ? { 'retry-after': RETRY_AFTER_S.failed } : {});
    }
  }

  /** Takes a request out of those that wait; false when it waits no more. */
  #dequeue(held: BufferedRequest): boolean {
    const at = this.#queued.indexOf(held);
    if (at < 0) return false;
    this.#queued.splice(at, 1);
    this.#leave();
    return true;
  }

  #leave(): void {
    this.#deps.release();
    this.#deps.metrics.held.dec();
  }
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';
