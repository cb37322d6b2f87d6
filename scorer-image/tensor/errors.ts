/** Mistakes in requests and tensors. */
import type { Rejection } from '../rejections.ts';

/** A mistake of the client: the response has status 400 and this message, or those of the rejection. */
export class BadInput extends Error {
  readonly status: number;
  constructor(problem: string | Rejection) {
    const { status, message } = typeof problem === 'string' ? { status: 400, message: problem } : problem;
    super(message);
    this.status = status;
  }
}

/** A mistake in a tensor of a client or a script, with a message that names it. */
export class TensorError extends Error {}
