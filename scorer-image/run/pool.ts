/** The HTTP thread's side of the worker: requests out, answers back, deadlines kept. */
import { FAILURE, type ModelSignature } from '@penstock/contract';
import { Worker } from 'node:worker_threads';
import { StartFailure } from '../failure.ts';
import type { Answer, FromWorker, ScoreRequest, ToWorker } from './messages.ts';

export interface PoolOptions {
  /** File of the worker's code, and its environment and data. */
  file: string | URL;
  data: unknown;
  execArgv?: string[];
  initTimeoutMs: number;
  requestTimeoutMs: number;
  /** The worker ended although nobody asked it to. */
  onCrash: (failure: StartFailure) => void;
  log: (level: 'info' | 'error', message: string) => void;
}

interface Pending {
  resolve: (answer: Answer) => void;
  timer: NodeJS.Timeout;
}

export class ScoringPool {
  readonly #options: PoolOptions;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #started = false;
  #stopping: (() => void) | undefined;
  signatures: Record<string, ModelSignature> = {};

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#worker = new Worker(options.file, { workerData: options.data, ...(options.execArgv ? { execArgv: options.execArgv } : {}) });
  }

  /** Resolves with the seconds that loading and init() took; rejects with a StartFailure. */
  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      const { initTimeoutMs } = this.#options;
      const timer = setTimeout(() => reject(new StartFailure(FAILURE.initTimeout, `init() did not end within initTimeout (${initTimeoutMs} ms)`)), initTimeoutMs);
      this.#worker.on('error', (error: unknown) => this.#crashed(new StartFailure(FAILURE.initFailed, error instanceof Error ? error.message : String(error), error instanceof Error ? error.stack : ''), reject));
      this.#worker.on('exit', (code) => this.#crashed(new StartFailure(FAILURE.initFailed, `the script ended its own process (exit code ${code})`), reject));
      this.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          clearTimeout(timer);
          this.#started = true;
          this.signatures = message.signatures;
          resolve(message.initMs / 1000);
        } else if (message.type === 'failed') reject(new StartFailure(message.reason, message.message, message.detail));
        else this.#received(message);
      });
    });
  }

  /** Requests that wait for an answer. */
  get inFlight(): number {
    return this.#pending.size;
  }

  score(body: Uint8Array, request: ScoreRequest): Promise<Answer> {
    return this.#ask((id) => ({ type: 'score', id, body, request }));
  }

  infer(body: Uint8Array, model: string): Promise<Answer> {
    return this.#ask((id) => ({ type: 'infer', id, body, model }));
  }

  /** Lets the script's shutdown() run, at most `ms`, and ends the worker. */
  async stop(ms: number): Promise<void> {
    if (this.#started) {
      const stopped = new Promise<void>((resolve) => (this.#stopping = resolve));
      this.#send({ type: 'shutdown' });
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
    }
    this.#stopping ??= () => undefined;
    void this.#worker.terminate();
  }

  #ask(message: (id: number) => ToWorker): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const { requestTimeoutMs } = this.#options;
      const timer = setTimeout(() => {
        this.#pending.delete(id); // the run goes on; its answer is dropped
        resolve({ status: 504, body: `Scoring timeout after ${requestTimeoutMs} ms` });
      }, requestTimeoutMs);
      this.#pending.set(id, { resolve, timer });
      this.#send(message(id));
    });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #received(message: FromWorker): void {
    if (message.type === 'log') this.#options.log(message.level, message.message);
    if (message.type === 'stopped') this.#stopping?.();
    if (message.type !== 'answer') return;
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.#pending.delete(message.id);
    pending.resolve(message.answer);
  }

  #crashed(failure: StartFailure, reject: (failure: StartFailure) => void): void {
    if (this.#stopping) return;
    for (const { resolve, timer } of this.#pending.values()) {
      clearTimeout(timer);
      resolve({ status: 500, body: failure.message, stack: failure.detail });
    }
    this.#pending.clear();
    if (this.#started) this.#options.onCrash(new StartFailure(FAILURE.scriptCrashed, failure.message, failure.detail));
    else reject(failure);
  }
}
