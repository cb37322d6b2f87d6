/** What the HTTP thread and the worker say to each other. */
import type { Failure, ModelSignature } from '@penstock/contract';

export interface ScoreRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
}

export type ToWorker =
  | { type: 'score'; id: number; body: Uint8Array; request: ScoreRequest }
  | { type: 'infer'; id: number; body: Uint8Array; model: string }
  | { type: 'shutdown' };

export type FromWorker =
  | { type: 'ready'; signatures: Record<string, ModelSignature>; initMs: number }
  | { type: 'failed'; reason: Failure; message: string; detail: string }
  | { type: 'answer'; id: number; answer: Answer }
  | { type: 'log'; level: 'info' | 'error'; message: string }
  | { type: 'stopped' };

/** A whole answer: `body` is JSON text. */
export interface Answer {
  status: number;
  body: string;
  /** run() threw: the client sees Azure's sentence, Development the stack. */
  stack?: string;
  runMs?: number;
}
