/**
 * Who may go to the worker now, who waits, and for how long. A queue that is bounded in time and bytes; time is handed
 * in, so this is pure. Times are milliseconds of one monotonic clock.
 */
import { Slots } from './slots.ts';

export interface Limits {
  /** Requests in the worker at the same time. */
  maxConcurrent: number;
  /** Requests of one message to a worker. */
  batchSize: number;
  /** A request that has waited longer is refused: 429. */
  maxQueueWaitMs: number;
  /** A request that has not been answered this long after it came gets a 504; the worker may still be at it. */
  requestTimeoutMs: number;
  /** A call that is not back this long after it began never comes back. */
  hangMs: number;
  /** Bodies held: arriving, waiting and in work. */
  maxBytes: number;
}

export interface Ticket<T> {
  readonly item: T;
  /** Of its body, as long as that is held. */
  bytes: number;
  readonly arrived: number;
  sent: number | undefined;
  /** When it began, as far as that is known; or when its worker last gave a sign of life. */
  since: number | undefined;
  /** Its number while it is out. */
  place: number | undefined;
  /** Somebody has answered it, or its client is gone. */
  over: boolean;
}

/** Fewer requests are not spread over several messages: one costs as much as some requests. */
const WORTH_A_MESSAGE = 16;
/** What takes the event loop longer than this is no long turn: the process stood still. */
export const STALL_MS = 50;

export class Admission<T> {
  readonly #limits: Limits;
  /** In the order they came. */
  #waiting: Ticket<T>[] = [];
  /** Sent and not back. */
  readonly #out = new Slots<Ticket<T>>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** So many wait that they are worth a message by themselves. */
  get worthAMessage(): boolean {
    return this.#waiting.length >= WORTH_A_MESSAGE;
  }

  /** In the worker, also those that were answered 504 meanwhile. */
  get working(): number {
    return this.#out.size;
  }

  /** More of a body has come; false when it would be too much to hold. Whoever holds, releases. */
  hold(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Takes a request; undefined when its body would be too much to hold: 429. One that fits alone is always taken. */
  offer(item: T, bytes: number, now: number): Ticket<T> | undefined {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.maxBytes) return undefined;
    this.#bytes += bytes;
    const ticket = { item, bytes, arrived: now, sent: undefined, since: undefined, place: undefined, over: false };
    this.#waiting.push(ticket);
    return ticket;
  }

  /**
   * The next message to a free worker, oldest first: its share of what waits, if `messages` can go out now. Who has waited
   * too long and was not told yet, because the process stood still, is left to {@link impatient}: the answer would come too late.
   * For a long turn alone nobody is turned away where there is room, however short maxQueueWait is.
   */
  next(now: number, messages = 1): Ticket<T>[] {
    const { maxConcurrent, batchSize } = this.#limits;
    const share = Math.max(WORTH_A_MESSAGE, Math.ceil(this.#waiting.length / messages));
    const free = Math.min(maxConcurrent - this.#out.size, batchSize, share);
    if (free <= 0 || this.#waiting.length === 0) return [];
    const tickets = this.#waiting.splice(this.#late(now - Math.max(this.#patience, STALL_MS)), free);
    for (const ticket of tickets) {
      ticket.sent = ticket.since = now;
      ticket.place = this.#out.put(ticket);
    }
    return tickets;
  }

  /** The worker is done with it. */
  back(ticket: Ticket<T>): void {
    if (ticket.place === undefined) return;
    this.#out.take(ticket.place);
    ticket.place = undefined;
    this.#bytes -= ticket.bytes;
  }

  /** Its answer has begun and goes on: it keeps its place, but its body is of no use any more. */
  begun(ticket: Ticket<T>): void {
    this.#bytes -= ticket.bytes;
    ticket.bytes = 0;
  }

  /** Its client is gone: what waits is dropped; what is out stays out until it is back. */
  cancel(ticket: Ticket<T>): void {
    ticket.over = true;
    const at = ticket.sent === undefined ? this.#waiting.indexOf(ticket) : -1;
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#bytes -= ticket.bytes;
  }

  /** Gives up all that wait. */
  drop(): Ticket<T>[] {
    return this.#waiting.splice(0);
  }

  /** Takes out those that have waited too long by now. */
  impatient(now: number): Ticket<T>[] {
    const tickets = this.#waiting.splice(0, this.#late(now - this.#patience));
    for (const ticket of tickets) {
      ticket.over = true;
      this.#bytes -= ticket.bytes;
    }
    return tickets;
  }

  /** Of those that are out: whose answer is due by now, and whether a call hangs. */
  due(now: number): { timedOut: Ticket<T>[]; hung: boolean } {
    const { requestTimeoutMs, hangMs } = this.#limits;
    const timedOut: Ticket<T>[] = [];
    let hung = false;
    for (const ticket of this.#out.all()) {
      if (now - ticket.since! >= hangMs) hung = true;
      if (ticket.over || now - ticket.arrived < requestTimeoutMs) continue;
      ticket.over = true;
      timedOut.push(ticket);
    }
    return { timedOut, hung };
  }

  get #patience(): number {
    return Math.min(this.#limits.maxQueueWaitMs, this.#limits.requestTimeoutMs);
  }

  /** How many of those who wait came no later than `then`: the first ones. */
  #late(then: number): number {
    const late = this.#waiting.findIndex(({ arrived }) => arrived > then);
    return late < 0 ? this.#waiting.length : late;
  }
}
