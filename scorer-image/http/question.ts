/** One request for a score, from its headers until it is answered or its client is gone: counted, timed, and never answered twice. */
import type { Ticket } from '../run/admission.ts';
import type { Answer, Work } from '../run/messages.ts';
import type { Arrival } from '../run/arrivals.ts';
import type { Asked } from '../run/workerSide.ts';
import { readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { UserServerDeps } from './userServer.ts';

export const RUN_FAILED = 'An unexpected error occurred in scoring script. Check the logs for more info.';
/** Names and values of request id and its twin, which every answer has. */
const FIXED_HEADERS = 4;
const TOO_MANY = 429;
/** However short requestTimeout is, a body gets this long. */
const LEAST_GRACE_MS = 10_000;

export interface Asking {
  work: Work;
  /** Writes the answer in the words of the protocol. */
  reply: (exchange: Exchange, answer: Answer, deps: UserServerDeps) => void;
}

export class Question {
  readonly #exchange: Exchange;
  readonly #deps: UserServerDeps;
  readonly #asking: Asking;
  #arrival: Arrival | undefined;
  #ticket: Ticket<Asked> | undefined;
  /** Of an answer that comes in pieces: how long run() took. */
  #streamedMs: number | undefined;
  #over = false;

  constructor(exchange: Exchange, deps: UserServerDeps, asking: Asking) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#asking = asking;
    deps.metrics.begun();
    deps.answers.open += 1;
    exchange.response.on('close', () => {
      deps.answers.open -= 1;
      this.#closed();
    });
  }

  /** Reads the body and asks; what cannot be read is answered here. */
  read(): void {
    this.#arrival = this.#deps.pool.arrival();
    const { maxRequestBytes: maxBytes, requestTimeoutMs } = this.#deps.config;
    readBody(
      this.#exchange.request,
      this.#arrival,
      { maxBytes, graceMs: Math.max(LEAST_GRACE_MS, requestTimeoutMs) },
      (refusal, body) => {
        this.#arrived();
        if (refusal) this.#answered({ id: -1, status: refusal.status, body: refusal.message });
        else if (!this.#over) this.ask(body);
      },
    );
  }

  ask(body: Buffer): void {
    this.#ticket = this.#deps.pool.ask({ work: this.#asking.work, body, answered: (answer) => this.#answered(answer) });
  }

  #arrived(): void {
    this.#arrival?.end();
    this.#arrival = undefined;
  }

  #answered(answer: Answer): void {
    if (this.#over) return;
    const { steps } = this.#deps.metrics;
    if (this.#ticket?.sent !== undefined && answer.runMs !== undefined) {
      steps.read.observe((this.#ticket.arrived - this.#exchange.started) / 1000);
      steps.queue.observe((this.#ticket.sent - this.#ticket.arrived) / 1000);
      steps.run.observe(answer.runMs / 1000);
    }
    try {
      this.#asking.reply(this.#exchange, answer, this.#deps);
    } catch (error) {
      answer.stream?.cancel();
      // What node:http refuses to write (a header of the script's, as a rule) is the script's mistake, not the process's end.
      this.#deps.logger.error('the answer of run() cannot be sent', {
        requestId: this.#exchange.requestId,
        error: error instanceof Error ? error.stack : String(error),
      });
      this.#exchange.headers.length = FIXED_HEADERS;
      this.#exchange.response.statusMessage = ''; // of the head that was refused
      this.#exchange.fail(500, RUN_FAILED);
    }
    if (answer.stream)
      this.#streamedMs = answer.runMs; // it is over when its connection is, or the answer whole
    else this.#end(this.#exchange.response.statusCode, answer.runMs);
  }

  #closed(): void {
    if (this.#over) return;
    this.#arrived();
    if (this.#ticket) this.#deps.pool.cancel(this.#ticket);
    this.#end(this.#exchange.heard, this.#streamedMs);
  }

  #end(code: number, runMs?: number): void {
    const { metrics, demand } = this.#deps;
    const now = performance.now();
    this.#over = true;
    demand.ended(now, { rejected: code === TOO_MANY, runMs });
    metrics.ended(code);
    metrics.duration.observe((now - this.#exchange.started) / 1000);
  }
}
