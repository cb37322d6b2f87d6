/** One pipeline at the activator's door: who may come in, who waits, and when the waiting is over. */
import { authorized, refusalOf } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Activation } from '../api/activation.ts';
import { forward } from './forward.ts';
import { Held, HOLD_MS } from './held.ts';
import type { ActivatorMetrics, Outcome } from './metrics.ts';

const MOST_HELD = 1_000;
const RETRY_AFTER_S = { full: '5', failed: '10' };
/** While somebody waits: the wish is repeated, and asked why it takes so long. */
const ROUND_MS = 1_000;
/** A pod that the Service knows of and that takes no connection is tried again after this long. */
const UNREACHED_MS = 250;

/** What is known of the pipeline's place in the cluster now. */
export interface Place {
  activation: Activation;
  /** The pods that the Service leads to, and their port. */
  pods: string[];
  port: number;
  /** How many activators share the pipeline's requests. */
  activators: number;
}

/** Why there is no pod yet; `final` when waiting does not help. */
export interface Standing {
  available: boolean;
  reason: string;
  message: string;
  final: boolean;
}

export interface EndpointDeps {
  pipeline: string;
  metrics: ActivatorMetrics;
  /** Gives the revision's Deployment its first pod; true when it had none. */
  wake: (revision: string) => Promise<boolean>;
  standing: () => Promise<Standing | 'gone'>;
  /** Takes one of the places that all namespaces share; false when this one has its share. */
  enter: () => boolean;
  leave: () => void;
  onError: (error: unknown) => void;
}

export class Endpoint {
  readonly #deps: EndpointDeps;
  #place: Place;
  readonly #waiting: Held[] = [];
  #underWay = 0;
  #turn = 0;
  /** When somebody began to wait for a pod. */
  #rousedAt: number | undefined;
  #gone = false;
  #asked: { at: number; answer: Promise<Standing | 'gone' | undefined> } | undefined;
  #pausedUntil = 0;

  constructor(place: Place, deps: EndpointDeps) {
    this.#place = place;
    this.#deps = deps;
  }

  update(place: Place): void {
    if (this.#rousedAt !== undefined && this.#place.pods.length === 0 && place.pods.length > 0)
      this.#deps.metrics.coldStart.observe((performance.now() - this.#rousedAt) / 1000);
    this.#place = { ...place, activators: place.activators || this.#place.activators }; // none once the pods serve: those that shared the wait share it on
    this.#gone = false;
    this.#dispatch();
    if (place.pods.length === 0) void this.#rouse();
  }

  /** The pipeline is gone, or always has pods now: who can still be served is, everybody else is told. */
  close(): void {
    this.#gone = true;
    if (this.#place.pods.length === 0)
      this.#refuseAll(404, `The endpoint ${this.#deps.pipeline} does not exist any more`, 'gone');
  }

  /** Answers now or later. Nothing is woken by somebody without a key, nor by a health check. */
  take(held: Held): void {
    const { activation, pods } = this.#place;
    const { metrics } = this.#deps;
    const isHealth = isRead(held.request.method) && (held.path === '/' || held.path.startsWith('/v2/health/'));
    if (isHealth && pods.length === 0) return void this.#answerHealth(held);
    const { authorization } = held.request.headers;
    if (!isHealth && activation.auth === 'Key' && !authorized(authorization, activation.keyHashes)) {
      metrics.requests.inc({ outcome: 'unauthorized' });
      return held.fail(401, refusalOf(authorization), { 'www-authenticate': 'Bearer' });
    }
    if (this.#waiting.length >= MOST_HELD || !this.#deps.enter()) {
      metrics.requests.inc({ outcome: 'full' });
      return held.fail(503, 'Too many requests wait for this endpoint to start', { 'retry-after': RETRY_AFTER_S.full });
    }
    metrics.held.inc();
    held.hold(
      () => void this.#timeOut(held),
      () => this.#forget(held),
    );
    this.#waiting.push(held);
    this.#dispatch();
    if (this.#place.pods.length === 0) void this.#rouse();
  }

  /** As many at a time as the pods can have in work, all activators together. */
  #dispatch(): void {
    const { pods, port, activation, activators } = this.#place;
    if (pods.length === 0 || performance.now() < this.#pausedUntil) return;
    const places = Math.max(1, Math.floor((activation.maxConcurrentRequests * pods.length) / Math.max(activators, 1)));
    while (this.#waiting.length > 0 && this.#underWay < places) {
      const held = this.#waiting.shift()!;
      held.release();
      this.#underWay += 1;
      this.#turn += 1;
      void this.#forward(held, pods[this.#turn % pods.length]!, port);
    }
  }

  async #forward(held: Held, address: string, port: number): Promise<void> {
    const reached = await forward(held, { address, port, requestTimeoutMs: this.#place.activation.requestTimeoutMs });
    this.#underWay -= 1;
    if (reached) {
      this.#deps.metrics.requests.inc({ outcome: 'forwarded' });
      this.#left();
      return this.#dispatch();
    }
    this.#waiting.unshift(held);
    held.rearm();
    this.#pausedUntil = performance.now() + UNREACHED_MS;
    setTimeout(() => {
      void this.#rouse(); // it may be gone, and the news of it late
      this.#dispatch();
    }, UNREACHED_MS + 1);
  }

  /** One round after another while somebody waits and nobody can be asked: wake, look why not, tell. */
  async #rouse(): Promise<void> {
    if (this.#rousedAt !== undefined || this.#waiting.length === 0) return;
    this.#rousedAt = performance.now();
    while (this.#waiting.length > 0 && !this.#gone) {
      if (await this.#deps.wake(this.#place.activation.revision).catch(this.#deps.onError))
        this.#deps.metrics.wakes.inc();
      await sleep(ROUND_MS);
      if (this.#place.pods.length > 0 && performance.now() >= this.#pausedUntil) break;
      const standing = await this.#standing();
      if (standing === 'gone') this.close();
      else if (standing?.final) this.#refuseAll(503, this.#reason(standing), 'failed');
    }
    this.#rousedAt = undefined;
  }

  async #timeOut(held: Held): Promise<void> {
    const standing = await this.#standing();
    if (held.over || !this.#forget(held)) return; // served meanwhile
    this.#deps.metrics.requests.inc({ outcome: 'timeout' });
    held.fail(
      503,
      standing === undefined || standing === 'gone'
        ? `No pod came up within ${HOLD_MS / 1000} s`
        : this.#reason(standing),
      { 'retry-after': RETRY_AFTER_S.failed },
    );
  }

  /** Undefined when nobody knows. Asked once a second at most, however many wait or check its health. */
  #standing(): Promise<Standing | 'gone' | undefined> {
    if (this.#asked && performance.now() - this.#asked.at < ROUND_MS) return this.#asked.answer;
    const answer = this.#deps.standing().catch((error: unknown) => {
      this.#deps.onError(error);
      return undefined;
    });
    this.#asked = { at: performance.now(), answer };
    return answer;
  }

  async #answerHealth(held: Held): Promise<void> {
    const standing = await this.#standing();
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
  #reason({ reason, message }: Standing): string {
    return `The endpoint cannot serve now: ${reason}${this.#place.activation.exposeErrors && message !== '' ? `: ${message}` : ''}`;
  }

  #refuseAll(status: number, message: string, outcome: Outcome): void {
    for (const held of [...this.#waiting]) {
      this.#forget(held);
      this.#deps.metrics.requests.inc({ outcome });
      held.fail(status, message, status === 503 ? { 'retry-after': RETRY_AFTER_S.failed } : {});
    }
  }

  /** Takes a request out of those that wait; false when it waits no more. */
  #forget(held: Held): boolean {
    const at = this.#waiting.indexOf(held);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    this.#left();
    return true;
  }

  #left(): void {
    this.#deps.leave();
    this.#deps.metrics.held.dec();
  }
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';
