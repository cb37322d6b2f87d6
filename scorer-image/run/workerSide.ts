/** One worker thread as the HTTP thread sees it: how it starts, what it has in hand, how it ends. */
import { FAILURE } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { StartFailure } from '../failure.ts';
import type { Ticket } from './admission.ts';
import { isAnswers, type Answers } from './answers.ts';
import { AnswerStream } from './answerStream.ts';
import type { Answer, FromWorker, Requests, ToWorker, Work } from './messages.ts';
import { chdirFor, newChdirState } from './process.ts';
import { Slots } from './slots.ts';

/** Messages a worker has at the same time: one it works on, one that waits at its door. */
export const AT_ONCE = 2;

const NOTHING = new Uint8Array(0);
/** JavaScript can be ended at once; what takes longer is no JavaScript. */
const TERMINATE_MS = 1000;

export interface WorkerCode {
  /** File of the worker's code, its data, and how Node starts it. */
  file: string | URL;
  data: unknown;
  execArgv?: string[];
  /** Of JavaScript's heap in each worker; by default what V8 gives the process. */
  heapMebibytes?: number;
}

export type Ready = Extract<FromWorker, { type: 'ready' }>;

export interface Asked {
  work: Work;
  body: Uint8Array;
  /** Called once, unless the request was cancelled. */
  answered: (answer: Answer) => void;
}

/** Who hears what a worker says, and, once it was ready, that it is gone. */
export interface Listener {
  onAnswers: (answers: Answers) => void;
  log: (level: 'info' | 'error', message: string) => void;
  onEnd: (failure: StartFailure) => void;
  /** The last piece of that answer is here. */
  onStreamEnd: (id: number) => void;
  /** Calls of a model are not joined any more. */
  onDisabled: (message: string) => void;
}

export class WorkerSide {
  readonly #worker: Worker;
  readonly #inHand = new Slots<Ticket<Asked>>();
  readonly #streams = new Map<number, AnswerStream>();
  /** Ids of each message that the worker has not taken. */
  readonly #messages: number[][] = [];
  #started = false;
  #stopped: (() => void) | undefined;

  /** Resolves when init() has ended well, rejects with a StartFailure. */
  readonly ready: Promise<Ready>;

  /** Begins at once, and listens from the first moment: a worker can be done before anybody asks for it. */
  constructor(
    { file, data, execArgv, heapMebibytes }: WorkerCode,
    { onAnswers, log, onEnd, onStreamEnd, onDisabled }: Listener,
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
        if (isAnswers(message)) {
          this.#heard(message[1]);
          return onAnswers(message);
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
          case 'piece':
            return message.bytes instanceof Uint8Array
              ? this.#streams.get(message.id)?.piece(message.bytes)
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
  get serves(): boolean {
    return this.#started;
  }

  /** Messages it can take now. */
  get room(): number {
    return this.#started ? AT_ONCE - this.#messages.length : 0;
  }

  /** Requests it has in hand. */
  get load(): number {
    return this.#inHand.size;
  }

  /** Sends the requests as one message, their bodies in one buffer that changes hands. `timeoutMs` is counted from when they came. */
  send(tickets: readonly Ticket<Asked>[], now: number, timeoutMs: number): void {
    const bytes = new Uint8Array(tickets.reduce((sum, { item }) => sum + item.body.length, 0));
    const deadline = Date.now() - now + timeoutMs;
    const message: Requests = [[], [], [], [], bytes];
    const [ids, ends, until, work] = message;
    let end = 0;
    for (const ticket of tickets) {
      ids.push(this.#inHand.put(ticket));
      bytes.set(ticket.item.body, end);
      ends.push((end += ticket.item.body.length));
      until.push(deadline + ticket.arrived);
      work.push(ticket.item.work);
      ticket.item.body = NOTHING; // the worker has it now
    }
    this.#messages.push(ids);
    this.#post(message, [bytes.buffer]);
  }

  /** A sign of life: what has begun is timed from here, what has not is no hang yet. */
  #heard(taken: number): void {
    const now = performance.now();
    for (const ids of this.#messages) {
      for (const id of ids) {
        const ticket = this.#inHand.get(id);
        if (ticket && ticket.since !== Infinity) ticket.since = now;
      }
    }
    this.#messages.splice(0, taken);
  }

  /** The ticket of an answer, which it has in hand no longer. */
  back(id: number): Ticket<Asked> | undefined {
    return this.#inHand.take(id);
  }

  /** The ticket of an answer that comes in pieces: it stays in hand until the last. */
  streamed(id: number, gapMs: number): { ticket: Ticket<Asked>; stream: AnswerStream } | undefined {
    const ticket = this.#inHand.get(id);
    if (!ticket) return undefined;
    const stream = new AnswerStream(
      { more: () => this.#post({ type: 'more', id }), cancel: () => this.#post({ type: 'cancel', id }) },
      gapMs,
    );
    this.#streams.set(id, stream);
    ticket.since = Infinity; // how long it takes is the client's doing, too: no call that hangs
    return { ticket, stream };
  }

  all(): Ticket<Asked>[] {
    return this.#inHand.all();
  }

  /** Lets shutdown() run for `ms` at most, and ends the thread; false when it is in a native call, which nothing can end. */
  async stop(ms: number): Promise<boolean> {
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
    if (this.#started && ms > 0) {
      this.#post({ type: 'shutdown' });
      await Promise.race([stopped, sleep(ms, undefined, { ref: false })]);
    }
    return Promise.race([this.#worker.terminate().then(() => true), sleep(TERMINATE_MS, false, { ref: false })]);
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
