/** What all protocols exchange with the worker: the HTTP request, and a body in chunks. */

/** What run() of a script gets beside the body. */
export interface ScoreRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** The id that the response has, too. */
  requestId: string;
}

/** Bytes that are still being produced. */
export interface ByteStream {
  next: () => Promise<Uint8Array | undefined>;
  /** Ends it at once, also while the next chunk is awaited. */
  cancel: () => void;
}

/** A response body that is not complete yet, or too long for one turn of the event loop. */
export type Chunks = ByteStream | Iterable<string>;

/** A response; with status 200 and JSON by default. */
export interface EncodedResponse {
  body: string | Uint8Array;
  status?: number;
  /** Headers of a script: names and values in turn, with the content type. */
  headers?: string[];
  /** Length of the JSON in `body`, where binary tensors follow it (bytes). */
  jsonBytes?: number;
  /** In place of `body`. */
  chunks?: Chunks;
  /** Call it when a response in chunks was sent, or cancelled. */
  release?: () => void;
}

/** JSON with more values is written in chunks. */
export const LARGE_VALUES = 65_536;
