/** Why a worker was replaced, or the process must end. */
import { FAILURE } from '@penstock/contract';
import { StartFailure } from '../failure.ts';
import { rejection, type Rejection } from '../rejections.ts';

/** A call did not return within `hangMs`. */
export const callHung = (hangMs: number): StartFailure =>
  new StartFailure(
    FAILURE.scriptHung,
    `a call has not come back for ${hangMs / 1000} s: run() loops or waits for something that never comes`,
  );

/** Whether another worker takes the place of one with this failure: its heap overflowed, or its process ended. */
export const isReplaced = ({ reason }: StartFailure): boolean =>
  reason === FAILURE.requestTooLarge || reason === FAILURE.scriptCrashed;

/** The same failure of a worker that had no request, which another worker would meet again. */
export const withoutRequest = (failure: StartFailure): StartFailure =>
  failure.reason === FAILURE.requestTooLarge
    ? new StartFailure(FAILURE.scriptCrashed, 'the script needs more memory than there is, without a request')
    : failure;

/** What the only request of a replaced worker gets. */
export const rejectionOf = ({ reason, message }: StartFailure): Rejection & { stack?: string } =>
  reason === FAILURE.requestTooLarge ? rejection('requestTooLarge') : { ...rejection('runFailed'), stack: message };

/** A line for the log. */
export const replaced = ({ reason, message }: StartFailure): string =>
  `${reason}: ${reason === FAILURE.requestTooLarge ? 'a request needed more memory than a worker may have' : message}; another worker starts`;
