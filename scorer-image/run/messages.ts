/**
 * Messages between the HTTP thread and its workers. Those of every request are lists, which cost half as much as
 * objects.
 */
import type { Failure, ModelSignature } from '@penstock/contract';
import type { ScoreRequest } from '../protocols/messages.ts';
import type { Rejection } from '../rejections.ts';
import type { ResponseStream } from './responseStream.ts';

/** One request without its body. `request` is left out where the script does not read it. */
export type Work =
  | { kind: 'score' | 'invocations'; request?: ScoreRequest }
  | { kind: 'infer'; model: string; jsonBytes?: number; request?: ScoreRequest };

/**
 * Bodies in a row in `bytes`: that of `ids[i]` ends at `ends[i]`. Its deadline is `until[i]` (milliseconds since the
 * epoch).
 */
export type Requests = [ids: number[], ends: number[], until: number[], work: Work[], bytes: Uint8Array];

/**
 * `pull`: the client has read a chunk of the response with that id, so another may be sent. `cancel`: no further chunk
 * is needed.
 */
export type ToWorker = Requests | { type: 'shutdown' } | { type: 'pull' | 'cancel'; id: number };

export type FromWorker =
  | ResponseBatch
  | {
      type: 'ready';
      signatures: Record<string, ModelSignature>;
      initMs: number;
      wantsRequest: boolean;
      rawHttp: boolean;
      schemas: Schemas;
      notes: string[];
    }
  | { type: 'failed'; reason: Failure; message: string; detail: string }
  | { type: 'chunk'; id: number; bytes: Uint8Array }
  | { type: 'end'; id: number; error?: string }
  | { type: 'disabled'; message: string }
  | { type: 'chdir'; folder: string; call: number }
  | { type: 'log'; level: 'info' | 'error'; message: string }
  | { type: 'stopped' };

/** JSON Schemas of the request and response body of a script on /score. */
export interface Schemas {
  input?: object;
  output?: object;
}

/** What a worker made of a request: a whole response, or with `streamed` its head. */
export interface WorkerResponse {
  /** Id of the request in its worker. */
  id: number;
  status: number;
  /** JSON; with `jsonBytes`, JSON of that length followed by binary tensors. */
  body: string | Uint8Array;
  /** The worker sends the body in chunks after this message. */
  streamed?: boolean;
  jsonBytes?: number;
  /** Headers of a script: names and values in turn. */
  headers?: string[];
  /** run() threw: the client gets Azure ML's message, with exposeErrors the stack. */
  stack?: string;
  runMs?: number;
}

/**
 * `taken`: messages that the worker has finished. `batches`: rows of each native call since the last message. Then the
 * responses with status 200 and a short text, of which that of `ids[i]` ends at `ends[i]`, and all others.
 */
export type ResponseBatch = [
  type: 'answers',
  taken: number,
  batches: number[],
  ids: number[],
  runMs: number[],
  ends: number[],
  text: string,
  others: WorkerResponse[],
];

/** The response to a scoring request. */
export type ScoreResponse =
  /** A worker has processed it. */
  | ({ kind: 'result'; stream?: ResponseStream } & WorkerResponse)
  /** No worker has processed it, or its worker ended. */
  | ({ kind: 'rejected'; stack?: string } & Rejection);
