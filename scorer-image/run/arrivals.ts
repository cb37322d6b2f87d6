/** Bodies that are on their way: counted, and held to what the endpoint can hold. */
import type { Admission } from './admission.ts';

export const TOO_MANY_BYTES = 'The endpoint is busy: the requests in it are as large as it can hold. Try again later';

/** A body on its way to a question. */
export interface Arrival {
  /** So many bytes more are here; answers with a sentence when they are more than the endpoint can hold, or the body is over. */
  more: (bytes: number) => string | undefined;
  /** It is whole, or will never be. Once. */
  end: () => void;
}

export class Arrivals {
  readonly #admission: Pick<Admission<never>, 'hold' | 'release'>;
  #open = 0;

  constructor(admission: Pick<Admission<never>, 'hold' | 'release'>) {
    this.#admission = admission;
  }

  /** Bodies that have begun and not ended. */
  get open(): number {
    return this.#open;
  }

  begin(): Arrival {
    let held = 0;
    let over = false;
    this.#open += 1;
    return {
      more: (bytes) => {
        if (over || !this.#admission.hold(bytes)) return TOO_MANY_BYTES;
        held += bytes;
        return undefined;
      },
      end: () => {
        over = true;
        this.#admission.release(held);
        this.#open -= 1;
      },
    };
  }
}
