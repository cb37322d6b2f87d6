/** The requests of one pipeline at the activator: which are accepted, how long they wait, and when a pod gets them. */
import { authorized, unauthorizedMessage } from '@penstock/server/auth';
import { sleep, type Clock } from '@penstock/server/clock';
import type { Availability, Backends } from './backends.ts';
import type { BufferedRequest } from './bufferedRequest.ts';
import type { forward } from './forward.ts';
import type { ActivatorMetrics, Outcome } from './metrics.ts';

const MAX_QUEUED = 1_000;
const RETRY_AFTER_S = { full: '5', failed: '10' };
/**
 * While requests are queued and no pod is Ready, the scale-up is requested again and the reason is read, this often.
 */
const SCALE_FROM_ZERO_INTERVAL_MS = 1_000;
/** A pod in the EndpointSlices that refuses connections is tried again after this long. */
const CONNECT_RETRY_MS = 250;

export interface PipelineQueueDeps {
  pipeline: string;
  metrics: ActivatorMetrics;
  /** Scales the revision's Deployment from 0 to 1; true when it had 0 replicas. */
  scaleFromZero: (revision: string) => Promise<boolean>;
  availability: () => Promise<Availability | 'gone'>;
  /** Reserves one of the places that all namespaces share; false when this namespace has its share. */
  reserve: () => boolean;
  release: () => void;
  /** Sends a request to a pod. */
  forward: typeof forward;
  clock: Clock;
  onError: (error: unknown) => void;
}

export class PipelineQueue {
  readonly #deps: PipelineQueueDeps;
  #backends: Backends;
  readonly #queued: BufferedRequest[] = [];
  #inFlight = 0;
  #nextBackend = 0;
  /** When the first queued request began to wait for a pod. */
  #scalingSince: number | undefined;
  #deleted = false;
  #cachedAvailability: { at: number; answer: Promise<Availability | 'gone' | undefined> } | undefined;
  #pausedUntil = 0;

  constructor(backends: Backends, deps: PipelineQueueDeps) {
    this.#backends = backends;
    this.#deps = deps;
  }

  update(backends: Backends): void {
    if (this.#scalingSince !== undefined && this.#backends.pods.length === 0 && backends.pods.length > 0)
      this.#deps.metrics.coldStart.observe((this.#deps.clock.now() - this.#scalingSince) / 1000);
    // The slice names no activators once pods serve; those that share the queued requests go on sharing them.
    this.#backends = { ...backends, activators: backends.activators || this.#backends.activators };
    this.#deleted = false;
    this.#dispatch();
    if (backends.pods.length === 0) void this.#scaleFromZero();
  }

  /** The pipeline is gone, or always has pods now: requests for which there is a pod are served, others get 404. */
  close(): void {
    this.#deleted = true;
    if (this.#backends.pods.length === 0)
      this.#refuseAll(404, `The endpoint ${this.#deps.pipeline} does not exist any more`, 'gone');
  }

  /**
   * Responds now or later. A request without a valid key does not scale the pipeline up, and neither does a health
   * check.
   */
  handle(buffered: BufferedRequest): void {
    const isHealth = isHealthCheck(buffered);
    if (isHealth && this.#backends.pods.length === 0) return void this.#answerHealth(buffered);
    if (!isHealth && !this.#isAuthorized(buffered)) return this.#refuseUnauthorized(buffered);
    if (this.#queued.length >= MAX_QUEUED || !this.#deps.reserve()) return this.#refuseFull(buffered);
    this.#deps.metrics.held.inc();
    buffered.startTimeout(
      this.#backends.activation.coldStartTimeoutMs,
      () => void this.#timeOut(buffered),
      () => this.#dequeue(buffered),
    );
    this.#queued.push(buffered);
    this.#dispatch();
    if (this.#backends.pods.length === 0) void this.#scaleFromZero();
  }

  #isAuthorized({ request }: BufferedRequest): boolean {
    const { auth, keyHashes } = this.#backends.activation;
    return auth !== 'Key' || authorized(request.headers.authorization, keyHashes);
  }

  #refuseUnauthorized(buffered: BufferedRequest): void {
    this.#deps.metrics.requests.inc({ outcome: 'unauthorized' });
    const message = unauthorizedMessage(buffered.request.headers.authorization);
    buffered.fail(401, message, { 'www-authenticate': 'Bearer' });
  }

  #refuseFull(buffered: BufferedRequest): void {
    this.#deps.metrics.requests.inc({ outcome: 'full' });
    const headers = { 'retry-after': RETRY_AFTER_S.full };
    buffered.fail(503, 'Too many requests wait for this endpoint to start', headers);
  }

  /** Sends this activator's share of the requests that the pods can process at the same time. */
  #dispatch(): void {
    const { pods, port, activation, activators } = this.#backends;
    if (pods.length === 0 || this.#deps.clock.now() < this.#pausedUntil) return;
    const share = Math.max(1, Math.floor((activation.maxConcurrentRequests * pods.length) / Math.max(activators, 1)));
    while (this.#queued.length > 0 && this.#inFlight < share) {
      const buffered = this.#queued.shift()!;
      buffered.stopTimeout();
      this.#inFlight += 1;
      this.#nextBackend += 1;
      void this.#forward(buffered, pods[this.#nextBackend % pods.length]!, port);
    }
  }

  async #forward(buffered: BufferedRequest, address: string, port: number): Promise<void> {
    const { requestTimeoutMs } = this.#backends.activation;
    const reached = await this.#deps.forward(buffered, { address, port, requestTimeoutMs });
    this.#inFlight -= 1;
    if (reached) {
      this.#deps.metrics.requests.inc({ outcome: 'forwarded' });
      this.#leave();
      return this.#dispatch();
    }
    this.#queued.unshift(buffered);
    buffered.restartTimeout();
    this.#pausedUntil = this.#deps.clock.now() + CONNECT_RETRY_MS;
    this.#deps.clock.setTimer(() => {
      void this.#scaleFromZero(); // the pod may be gone before its watch event arrives
      this.#dispatch();
    }, CONNECT_RETRY_MS + 1);
  }

  /**
   * While requests are queued and no pod is Ready: requests the scale-up, and fails the queue if the revision cannot
   * start.
   */
  async #scaleFromZero(): Promise<void> {
    if (this.#scalingSince !== undefined || this.#queued.length === 0) return;
    this.#scalingSince = this.#deps.clock.now();
    while (this.#queued.length > 0 && !this.#deleted) {
      const scaled = await this.#deps.scaleFromZero(this.#backends.activation.revision).catch(this.#deps.onError);
      if (scaled) this.#deps.metrics.wakes.inc();
      await sleep(this.#deps.clock, SCALE_FROM_ZERO_INTERVAL_MS);
      if (this.#backends.pods.length > 0 && this.#deps.clock.now() >= this.#pausedUntil) break;
      this.#refuseIfFailed(await this.#availability());
    }
    this.#scalingSince = undefined;
  }

  #refuseIfFailed(availability: Availability | 'gone' | undefined): void {
    if (availability === 'gone') this.close();
    else if (availability?.final) this.#refuseAll(503, this.#reason(availability), 'failed');
  }

  async #timeOut(buffered: BufferedRequest): Promise<void> {
    const availability = await this.#availability();
    if (buffered.responded || !this.#dequeue(buffered)) return; // served meanwhile
    this.#deps.metrics.requests.inc({ outcome: 'timeout' });
    buffered.fail(503, this.#timeoutMessage(availability), { 'retry-after': RETRY_AFTER_S.failed });
  }

  #timeoutMessage(availability: Availability | 'gone' | undefined): string {
    const seconds = this.#backends.activation.coldStartTimeoutMs / 1000;
    const waited = `No pod became Ready within ${seconds} s (endpoint.coldStartTimeout)`;
    if (typeof availability !== 'object') return waited;
    return availability.available ? `${waited}: a pod is starting, try again` : this.#reason(availability);
  }

  /** Undefined when it cannot be read. Read once a second at most, however many requests or health checks need it. */
  #availability(): Promise<Availability | 'gone' | undefined> {
    const cached = this.#cachedAvailability;
    if (cached && this.#deps.clock.now() - cached.at < SCALE_FROM_ZERO_INTERVAL_MS) return cached.answer;
    const answer = this.#deps.availability().catch((error: unknown) => {
      this.#deps.onError(error);
      return undefined;
    });
    this.#cachedAvailability = { at: this.#deps.clock.now(), answer };
    return answer;
  }

  async #answerHealth(buffered: BufferedRequest): Promise<void> {
    const availability = await this.#availability();
    const available = typeof availability === 'object' && availability.available;
    this.#deps.metrics.requests.inc({ outcome: 'answered' });
    const { status, body, headers } = healthResponse(buffered.path, available);
    buffered.send(status, body, headers);
  }

  /** With exposeErrors the message of the condition is added; it may hold what a script wrote. */
  #reason({ reason, message }: Availability): string {
    const detail = this.#backends.activation.exposeErrors && message !== '' ? `: ${message}` : '';
    return `The endpoint cannot serve now: ${reason}${detail}`;
  }

  #refuseAll(status: number, message: string, outcome: Outcome): void {
    for (const buffered of [...this.#queued]) {
      this.#dequeue(buffered);
      this.#deps.metrics.requests.inc({ outcome });
      buffered.fail(status, message, status === 503 ? { 'retry-after': RETRY_AFTER_S.failed } : {});
    }
  }

  /** Removes a request from the queue; false when it is not in it any more. */
  #dequeue(buffered: BufferedRequest): boolean {
    const at = this.#queued.indexOf(buffered);
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

function isHealthCheck({ request: { method }, path }: BufferedRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && (path === '/' || path.startsWith('/v2/health/'));
}

/** As a pod answers: Azure ML's text on /, JSON under /v2. */
function healthResponse(
  path: string,
  available: boolean,
): { status: number; body: string; headers?: Record<string, string> } {
  if (path.endsWith('/live')) return { status: 200, body: JSON.stringify({ live: true }) };
  const status = available ? 200 : 503;
  if (path.startsWith('/v2')) return { status, body: JSON.stringify({ live: true, ready: available }) };
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  return { status, body: available ? 'Healthy' : 'Unhealthy', headers };
}
