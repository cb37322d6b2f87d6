/** How messages get to a worker and back: a thread of this process now; another process later. */
import type { StartFailure } from '../failure.ts';
import type { FromWorker, ToWorker } from './messages.ts';

export interface WorkerTransport {
  /** Sends a message. `transfer`: buffers that the sender does not use any more. */
  post: (message: ToWorker, transfer?: ArrayBuffer[]) => void;
  /** Ends the worker. Resolves with false when it is in a native call and cannot be ended. */
  terminate: () => Promise<boolean>;
}

/** `chdir` is carried out by the transport of threads. */
export type WorkerMessage = Exclude<FromWorker, { type: 'chdir' }>;

export interface TransportListener {
  onMessage: (message: WorkerMessage) => void;
  /** The worker has ended by itself, or has crashed. May be called twice. */
  onEnd: (failure: StartFailure) => void;
}

/** Starts a worker at once. It listens from the first moment, so that no message is missed. */
export type StartWorker = (listener: TransportListener) => WorkerTransport;
