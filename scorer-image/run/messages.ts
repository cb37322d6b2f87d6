/** What the HTTP thread and the worker say to each other. What every request passes through are lists, which cost half of what objects with names do. */
import type { Failure, ModelSignature } from '@penstock/contract';
import type { ResponseBatch } from './responseCodec.ts';
import type { ResponseStream } from './responseStream.ts';

/** What a script's run() may look at beside the body. */
export interface ScoreRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
}

/** One request's work, its body aside. `request` is left out where nobody looks at it. */
export type Work =
  | { kind: 'score' | 'invocations'; request?: ScoreRequest }
  | { kind: 'infer'; model: string; jsonBytes?: number; request?: ScoreRequest };

/** Bodies one after the other in `bytes`; that of `ids[i]` ends at `ends[i]`, and after `until[i]` (milliseconds since the epoch) nobody waits for its answer. */
export type Requests = [ids: number[], ends: number[], until: number[], work: Work[], bytes: Uint8Array];

/** `more`: the client has taken a piece of the answer with that id, so another may come. `cancel`: nothing of it is wanted any more. */
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

/** JSON Schemas of what a script takes and gives on /score. */
export interface Schemas {
  input?: object;
  output?: object;
}

/** A whole answer: JSON, or JSON and tensors after `jsonBytes`. */
export interface ScoreResponse {
  /** Of the request as its worker knows it; -1: no worker has answered. */
  id: number;
  status: number;
  body: string | Uint8Array;
  /** The worker will send the body in chunks after this answer. */
  streamed?: boolean;
  /** On the HTTP thread: where those chunks come from. */
  stream?: ResponseStream;
  jsonBytes?: number;
  /** A script's own, names and values in turn. */
  headers?: string[];
  /** run() threw: the client sees Azure's sentence, Development the stack. */
  stack?: string;
  runMs?: number;
}
