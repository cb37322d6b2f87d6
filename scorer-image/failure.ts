/** Why a scorer cannot start; the reason is Azure ML's where it has one. */
import { FAILURE, MOUNT, TERMINATION_MESSAGE_BYTES, type Failure } from '@penstock/contract';
import { writeFileSync } from 'node:fs';

/** Azure ML's inference server exits with 3 when the script cannot be used. */
export const EXIT_CODE = 3;

export class StartFailure extends Error {
  readonly reason: Failure;
  readonly detail: string;
  constructor(reason: Failure, message: string, detail = '') {
    super(message);
    this.reason = reason;
    this.detail = detail;
  }
}

/** Any error as a StartFailure; `reason` is for errors without one. */
export function asFailure(error: unknown, reason: Failure = FAILURE.resource): StartFailure {
  if (error instanceof StartFailure) return error;
  const wrapped = error instanceof Error ? error : new Error(String(error));
  return new StartFailure(reason, wrapped.message, wrapped.stack ?? '');
}

/** Writes "Reason: message" and the detail to the termination log, which the kubelet reads. */
export function writeTermination(failure: StartFailure, file: string = MOUNT.terminationLog): void {
  const text = `${failure.reason}: ${failure.message.replace(/\s*\n\s*/g, ' ')}\n${failure.detail}`;
  try {
    writeFileSync(file, Buffer.from(text).subarray(0, TERMINATION_MESSAGE_BYTES));
  } catch {
    // outside Kubernetes there is no termination log
  }
}
