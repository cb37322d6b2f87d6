/** Why a worker was replaced, or the process must end. */
import { FAILURE } from '@penstock/contract';
import { StartFailure } from '../failure.ts';

/** A call did not return within `hangMs`. */
export const callHung = (hangMs: number): StartFailure =>
  new StartFailure(
    FAILURE.scriptHung,
    `a call has not come back for ${hangMs / 1000} s: run() loops or waits for something that never comes`,
  );

/** The heap of a worker overflowed while it had no request. */
export const outOfMemory = (): StartFailure =>
  new StartFailure(FAILURE.scriptCrashed, 'the script needs more memory than there is, without a request');

export const WORKER_REPLACED = `${FAILURE.requestTooLarge}: a request needed more memory than a worker may have; another worker starts`;
