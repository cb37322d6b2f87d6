/** Request bodies that are being uploaded: counted, and limited to the memory of the endpoint. */
import { rejection, type Rejection } from '../rejections.ts';
import type { RequestQueue } from './requestQueue.ts';

/** One request body that is being uploaded. */
export interface Upload {
  /**
   * Counts a part of the body. Returns a rejection when it exceeds the memory of the endpoint, or the upload has
   * finished.
   */
  received: (bytes: number) => Rejection | undefined;
  /** The body is complete or will not be read further. Call it once. */
  finish: () => void;
}

export class Uploads {
  readonly #admission: Pick<RequestQueue<never>, 'reserveBytes' | 'releaseBytes'>;
  #open = 0;

  constructor(admission: Pick<RequestQueue<never>, 'reserveBytes' | 'releaseBytes'>) {
    this.#admission = admission;
  }

  /** Uploads that have not finished. */
  get open(): number {
    return this.#open;
  }

  start(): Upload {
    let held = 0;
    let over = false;
    this.#open += 1;
    return {
      received: (bytes) => {
        if (over || !this.#admission.reserveBytes(bytes)) return rejection('tooManyBytes');
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
