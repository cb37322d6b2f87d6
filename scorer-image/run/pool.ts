/** The HTTP thread's side of the workers: requests out in batches, answers back, deadlines kept. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import { StartFailure } from '../failure.ts';
import { Admission, type Limits, type Ticket } from './admission.ts';
import { tooLate, unpacked, type Answers } from './answers.ts';
import { Arrivals, TOO_MANY_BYTES, type Arrival } from './arrivals.ts';
import { DeadlineTimer } from './deadlineTimer.ts';
import { withinInitTimeout } from './initTimeout.ts';
import type { Answer } from './messages.ts';
import { WorkerSide, type Asked, type Listener, type Ready, type WorkerCode } from './workerSide.ts';

export interface PoolOptions extends WorkerCode {
  workers: number;
  limits: Limits;
  initTimeoutMs: number;
  /** A worker ended although nobody asked it to, or hangs. */
  onCrash: (failure: StartFailure) => void;
  log: Listener['log'];
  onBatch: (rows: number) => void;
  /** Calls of a model are not joined any more, with the reason in one sentence. */
  onDisabled: (message: string) => void;
  /** A worker was replaced since a request had outgrown it, with the reason in one sentence. */
  onReplaced: (message: string) => void;
  /** So many requests are in the pool from `now` on (performance.now()). */
  onLoad: (inFlight: number, now: number) => void;
}

const QUEUED_TOO_LONG =
  'The endpoint is busy: all its places are taken. Try again later, or raise scaling.maxReplicas or endpoint.maxConcurrentRequests';
const OUTGROWN =
  'The request needs more memory than this endpoint has: send less at a time, or raise resources.limits.memory';
const neverReturned = (ms: number): string =>
  `a call has not come back for ${ms / 1000} s: run() loops or waits for something that never comes`;
const RESTARTING = 'The endpoint is restarting: try again';

export class ScoringPool {
  readonly #options: PoolOptions;
  readonly #admission: Admission<Asked>;
  readonly #arrivals: Arrivals;
  readonly #sides: WorkerSide[];
  readonly #deadlines = new DeadlineTimer({
    isNeeded: () => !this.#stopping && this.inFlight > 0,
    check: (now, stalled) => this.#checkDeadlines(now, stalled),
  });
  #sending = false;
  #started = false;
  #stopping = false;
  signatures: Record<string, ModelSignature> = {};
  /** Whether a script wants to see method, url and headers, whether it answers OPTIONS itself, and what it says of its JSON. */
  script: Pick<Ready, 'wantsRequest' | 'rawHttp' | 'schemas'> = { wantsRequest: false, rawHttp: false, schemas: {} };

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#admission = new Admission(options.limits);
    this.#arrivals = new Arrivals(this.#admission);
    this.#sides = Array.from({ length: options.workers }, () => this.#newSide());
  }

  #newSide(): WorkerSide {
    const { log, onDisabled } = this.#options;
    const side: WorkerSide = new WorkerSide(this.#options, {
      onAnswers: (answers) => this.#received(side, answers),
      log,
      onDisabled,
      onEnd: (failure) => (failure.reason === FAILURE.requestTooLarge ? this.#replace(side) : this.#crashed(failure)),
      onStreamEnd: (id) => this.#streamed(side, id),
    });
    return side;
  }

  /** Waits for the workers, which began with the pool. Resolves with the seconds that loading and init() took, in the slowest of them; rejects with a StartFailure. */
  async start(): Promise<number> {
    const ready = await withinInitTimeout(
      Promise.all(this.#sides.map(({ ready }) => ready)),
      this.#options.initTimeoutMs,
    );
    this.signatures = ready[0]!.signatures;
    this.script = ready[0]!;
    for (const note of ready[0]!.notes) this.#options.log('info', note);
    this.#started = true;
    return Math.max(...ready.map(({ initMs }) => initMs)) / 1000;
  }

  /** Whether a worker is there that can take a request: not while the only one is replaced. */
  get serves(): boolean {
    return this.#sides.some(({ serves }) => serves);
  }

  /** Requests in the worker or on their way to it. */
  get inFlight(): number {
    return this.#admission.waiting + this.#admission.working;
  }

  get waiting(): number {
    return this.#admission.waiting;
  }

  /** Requests that somebody has begun to send and waits for. */
  get underWay(): number {
    return this.#arrivals.open + this.inFlight;
  }

  arrival(): Arrival {
    return this.#arrivals.begin();
  }

  /** Asks for an answer; it comes by `answered`. The ticket is for {@link cancel}. */
  ask(asked: Asked): Ticket<Asked> | undefined {
    const now = performance.now();
    const ticket = this.#stopping ? undefined : this.#admission.offer(asked, asked.body.length, now);
    if (!ticket) {
      const refusal = this.#stopping ? { status: 503, body: RESTARTING } : { status: 429, body: TOO_MANY_BYTES };
      queueMicrotask(() => asked.answered({ id: -1, ...refusal }));
      return undefined;
    }
    this.#options.onLoad(this.inFlight, now);
    if (this.#admission.worthAMessage && this.#freest()) this.#send();
    else this.#soon();
    return ticket;
  }

  /** The client is gone. */
  cancel(ticket: Ticket<Asked>): void {
    this.#admission.cancel(ticket);
    this.#options.onLoad(this.inFlight, performance.now());
  }

  /** Lets the script's shutdown() run, at most `ms`, and ends the workers; false when one of them cannot be ended. What still waits never reaches the script. */
  async stop(ms: number): Promise<boolean> {
    this.#stopping = true;
    this.#deadlines.stop();
    for (const ticket of this.#admission.drop()) this.#answer(ticket, { id: -1, status: 503, body: RESTARTING });
    return (await Promise.all(this.#sides.map((side) => side.stop(this.#started ? ms : 0)))).every(Boolean);
  }

  /** The few that come in one turn of the event loop go as one message. */
  #soon(): void {
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => {
      this.#sending = false;
      this.#send();
    });
  }

  /** All the workers' messages share what waits, so that HTTP thread and workers work at the same time and not in turn. */
  #send(): void {
    const now = performance.now();
    this.#options.onLoad(this.inFlight, now); // some have come back
    let room = this.#sides.reduce((sum, side) => sum + side.room, 0);
    for (let side = this.#freest(); side; side = this.#freest()) {
      const tickets = this.#admission.next(now, room--);
      if (tickets.length === 0) break;
      side.send(tickets, now, this.#options.limits.requestTimeoutMs);
    }
    this.#deadlines.arm();
  }

  #freest(): WorkerSide | undefined {
    let freest: WorkerSide | undefined;
    for (const side of this.#sides) if (side.room > 0 && (!freest || side.load < freest.load)) freest = side;
    return freest;
  }

  #received(side: WorkerSide, answers: Answers): void {
    const [, , batches] = answers;
    for (const rows of batches) this.#options.onBatch(rows);
    for (const answer of unpacked(answers)) {
      if (answer.streamed) {
        this.#begun(side, answer);
        continue;
      }
      const ticket = side.back(answer.id);
      if (!ticket) continue;
      this.#admission.back(ticket);
      this.#answer(ticket, answer);
    }
    this.#send();
  }

  /** The head of an answer that comes in pieces; it keeps its place until the last one. */
  #begun(side: WorkerSide, answer: Answer): void {
    const known = side.streamed(answer.id, this.#options.limits.requestTimeoutMs);
    if (!known) return;
    const { ticket, stream } = known;
    this.#admission.begun(ticket);
    if (ticket.over) stream.cancel();
    else this.#answer(ticket, { ...answer, stream });
  }

  #streamed(side: WorkerSide, id: number): void {
    const ticket = side.back(id);
    if (ticket) this.#admission.back(ticket);
    this.#send();
  }

  #answer(ticket: Ticket<Asked>, answer: Answer): void {
    if (!ticket.over) ticket.item.answered(answer);
    ticket.over = true;
  }

  #checkDeadlines(now: number, stalled: boolean): void {
    const impatient = this.#admission.impatient(now);
    if (impatient.length > 0) this.#options.onLoad(this.inFlight, now);
    for (const { item } of impatient) item.answered({ id: -1, status: 429, body: QUEUED_TOO_LONG });
    if (stalled) return;
    const { timedOut, hung } = this.#admission.due(now);
    for (const { item } of timedOut) item.answered({ id: -1, status: 504, body: tooLate(this.#options.limits) });
    if (hung) this.#crashed(new StartFailure(FAILURE.scriptHung, neverReturned(this.#options.limits.hangMs)));
  }

  /** A request has outgrown its worker: if it was alone there it gets 413, else all get 503, since nothing says which it was. Another worker comes. */
  #replace(side: WorkerSide): void {
    if (this.#stopping) return;
    const inHand = side.all();
    if (inHand.length === 0)
      return this.#crashed(
        new StartFailure(FAILURE.scriptCrashed, 'the script needs more memory than there is, without a request'),
      );
    const alone = inHand.filter(({ over }) => !over).length === 1;
    for (const ticket of inHand) {
      this.#admission.back(ticket);
      this.#answer(ticket, alone ? { id: -1, status: 413, body: OUTGROWN } : { id: -1, status: 503, body: RESTARTING });
    }
    this.#options.onReplaced(
      `${FAILURE.requestTooLarge}: a request needed more memory than a worker may have; another worker starts`,
    );
    const next = this.#newSide();
    this.#sides[this.#sides.indexOf(side)] = next;
    void withinInitTimeout(next.ready, this.#options.initTimeoutMs).then(
      () => this.#send(),
      (failure: unknown) => this.#crashed(failure as StartFailure),
    );
    this.#send(); // the other workers have places again
  }

  #crashed(failure: StartFailure): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const side of this.#sides)
      for (const ticket of side.all())
        this.#answer(ticket, { id: -1, status: 500, body: failure.message, stack: failure.detail });
    for (const ticket of this.#admission.drop()) this.#answer(ticket, { id: -1, status: 503, body: RESTARTING });
    this.#options.onCrash(
      failure.reason === FAILURE.scriptHung
        ? failure
        : new StartFailure(FAILURE.scriptCrashed, failure.message, failure.detail),
    );
  }
}
