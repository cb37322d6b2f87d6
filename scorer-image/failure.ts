/** Why a scorer cannot start: Azure's reason first, so that one line of `kubectl get` says it all. */
import { FAILURE, MOUNT, TERMINATION_MESSAGE_BYTES, type Failure } from '@penstock/contract';
import { writeFileSync } from 'node:fs';

/** Azure's inference server ends with 3 when the script cannot be used. */
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

/** Any error as a StartFailure, with `reason` for one that has none. */
export function asFailure(error: unknown, reason: Failure = FAILURE.resource): StartFailure {
  if (error instanceof StartFailure) return error;
  const wrapped = error instanceof Error ? error : new Error(String(error));
  return new StartFailure(reason, wrapped.message, wrapped.stack ?? '');
}

/** Leaves "Reason: message" and the detail where the kubelet reads them. */
export function writeTermination(failure: StartFailure, file: string = MOUNT.terminationLog): void {
  const text = `${failure.reason}: ${failure.message.replace(/\s*\n\s*/g, ' ')}\n${failure.detail}`;
  try {
    writeFileSync(file, Buffer.from(text).subarray(0, TERMINATION_MESSAGE_BYTES));
  } catch {
    // no kubelet here: the log has it all
  }
}
