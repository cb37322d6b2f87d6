/** What is asked of an AbortSignal between two waits. */

/** A function, since the compiler does not know that a signal changes while one waits. */
export const isAborted = (signal: AbortSignal): boolean => signal.aborted;
