/** The body of an error response in the form of its path's protocol. */

/** JSON text: the Open Inference Protocol, below /v2, has `error`; Azure ML has `message`. */
export const errorBody = (path: string, message: string): string =>
  JSON.stringify(path.startsWith('/v2') ? { error: message } : { message });
