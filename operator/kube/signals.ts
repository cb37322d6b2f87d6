/** AbortSignal, as TypeScript sees it. */

/** A function, because the compiler does not know that the property changes during an await. */
export const isAborted = (signal: AbortSignal): boolean => signal.aborted;
