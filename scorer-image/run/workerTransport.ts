/** How messages get to a worker and back: a thread of this process, or a Python process. */
import type { StartFailure } from '../failure.ts';
import type { FromWorker, ToWorker } from './messages.ts';

export interface WorkerTransport {
  /** Sends a message. `transfer`: buffers that the sender does not use any more. */
  post: (message: ToWorker, transfer?: ArrayBuffer[]) => void;
  /** Messages that the worker has at the same time; by default it processes one and has the next one. */
  readonly maxMessages?: number;
  /** It takes no message: its end is reported soon, or it takes messages again. */
  readonly isLost?: boolean;
  /** Ends a worker whose call hangs; another one takes its place. Absent: the whole process must end for that. */
  restart?: () => void;
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
