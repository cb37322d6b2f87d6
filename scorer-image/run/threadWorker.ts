/** Workers that are threads of this process. */
import { FAILURE } from '@penstock/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { StartFailure } from '../failure.ts';
import type { FromWorker } from './messages.ts';
import { chdirFor, newChdirState } from './process.ts';
import type { StartWorker } from './workerTransport.ts';

/** JavaScript ends at once on terminate(); a native call does not. */
const TERMINATE_TIMEOUT_MS = 1000;

export interface ThreadCode {
  /** File of the worker's code, its workerData, and Node's options for it. */
  file: string | URL;
  data: unknown;
  execArgv?: string[];
  /** Limit of the JavaScript heap of each worker; by default that of the process. */
  heapMebibytes?: number;
}

/** Starts a thread for each worker. */
export function threadWorker({ file, data, execArgv, heapMebibytes }: ThreadCode): StartWorker {
  return ({ onMessage, onEnd }) => {
    const chdirState = newChdirState();
    const thread = new Worker(file, {
      workerData: { ...(data as object), turn: chdirState },
      ...(execArgv ? { execArgv } : {}),
      ...(heapMebibytes !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMebibytes } }),
    });
    thread.on('error', (error: unknown) => onEnd(failureOf(error)));
    thread.on('exit', (code) =>
      onEnd(new StartFailure(FAILURE.initFailed, `the script ended its own process (exit code ${code})`)),
    );
    thread.on('message', (message: FromWorker) => {
      // a script may post other messages from its worker; they are ignored
      if (typeof message !== 'object' || (message as unknown) === null) return;
      if (!Array.isArray(message) && message.type === 'chdir') chdirFor(chdirState, message.folder, message.call);
      else onMessage(message);
    });
    return {
      post: (message, transfer = []) => thread.postMessage(message, transfer),
      terminate: () =>
        Promise.race([thread.terminate().then(() => true), sleep(TERMINATE_TIMEOUT_MS, false, { ref: false })]),
    };
  };
}

/** Node ends only the worker whose JavaScript heap has reached its limit. */
function failureOf(error: unknown): StartFailure {
  const { message, stack, code } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error), stack: '', code: undefined };
  return new StartFailure(
    code === 'ERR_WORKER_OUT_OF_MEMORY' ? FAILURE.requestTooLarge : FAILURE.initFailed,
    message,
    stack,
  );
}
