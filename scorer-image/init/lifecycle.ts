/** The phases of a scorer: Loading → Ready → Draining → Drained, or Failed. Pure. */
export type Phase = 'Loading' | 'Ready' | 'Draining' | 'Drained' | 'Failed';

const NEXT: Record<Phase, Phase[]> = {
  Loading: ['Ready', 'Failed', 'Draining', 'Drained'],
  Ready: ['Draining', 'Drained', 'Failed'],
  Draining: ['Drained', 'Failed'],
  Drained: [],
  Failed: [],
};

export class Lifecycle {
  #phase: Phase = 'Loading';
  #warning: string | undefined;
  readonly #loaded = Promise.withResolvers<undefined>();
  readonly #drained = Promise.withResolvers<undefined>();

  get phase(): Phase {
    return this.#phase;
  }

  /** init() has succeeded. */
  get started(): boolean {
    return this.#phase === 'Ready' || this.#phase === 'Draining';
  }

  /** Resolves when init() has ended, in whatever way. */
  get loaded(): Promise<undefined> {
    return this.#loaded.promise;
  }

  /** Resolves when no request is in progress and none will come, or the scorer has failed. */
  get drained(): Promise<undefined> {
    return this.#drained.promise;
  }

  /** A problem of a scorer that serves; the first of several. */
  get warning(): string | undefined {
    return this.#warning;
  }

  warn(message: string): void {
    this.#warning ??= message;
  }

  /** Changes the phase. Returns false, and does nothing, for a transition that does not exist. */
  to(phase: Phase): boolean {
    if (!NEXT[this.#phase].includes(phase)) return false;
    this.#phase = phase;
    this.#loaded.resolve(undefined);
    if (phase === 'Drained' || phase === 'Failed') this.#drained.resolve(undefined);
    return true;
  }
}
