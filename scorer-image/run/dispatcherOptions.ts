/** What the dispatcher is given, and what it reports. */
import type { StartFailure } from '../failure.ts';
import type { Limits } from './requestQueue.ts';
import type { WorkerListener } from './workerHandle.ts';
import type { StartWorker } from './workerTransport.ts';

export interface DispatcherOptions {
  startWorker: StartWorker;
  workers: number;
  limits: Limits;
  initTimeoutMs: number;
  /** A worker ended by itself, or hangs: the process must end. */
  onCrash: (failure: StartFailure) => void;
  log: WorkerListener['log'];
  onBatch: (rows: number) => void;
  /** Calls of a model are no longer batched, with the reason in one sentence. */
  onDisabled: (message: string) => void;
  /** Another worker takes the place of one that ended, with the reason in one sentence. */
  onReplaced: (message: string) => void;
  /** The number of requests in flight from `now` on (performance.now()). */
  onLoad: (inFlight: number, now: number) => void;
}
