/** Bodies that are on their way: counted, and held to what the endpoint can hold. */
import { REFUSAL } from './refusals.ts';
import type { RequestQueue } from './requestQueue.ts';

/** A body on its way to a question. */
export interface Upload {
  /** So many bytes more are here; answers with a sentence when they are more than the endpoint can hold, or the body is over. */
  received: (bytes: number) => string | undefined;
  /** It is whole, or will never be. Once. */
  finish: () => void;
}

export class Uploads {
  readonly #admission: Pick<RequestQueue<never>, 'reserveBytes' | 'releaseBytes'>;
  #open = 0;

  constructor(admission: Pick<RequestQueue<never>, 'reserveBytes' | 'releaseBytes'>) {
    this.#admission = admission;
  }

  /** Bodies that have begun and not ended. */
  get open(): number {
    return this.#open;
  }

  start(): Upload {
    let held = 0;
    let over = false;
    this.#open += 1;
    return {
      received: (bytes) => {
        if (over || !this.#admission.reserveBytes(bytes)) return REFUSAL.tooManyBytes.body;
        held += bytes;
        return undefined;
      },
      finish: () => {
        over = true;
        this.#admission.releaseBytes(held);
        this.#open -= 1;
      },
    };
  }
}
