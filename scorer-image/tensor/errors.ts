/** Mistakes in requests and tensors. */

/** A mistake of the client: the response is 400, or another 4xx, with this message. */
export class BadInput extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

/** A mistake in a tensor of a client or a script, with a message that names it. */
export class TensorError extends Error {}
