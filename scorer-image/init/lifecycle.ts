/** The scorer's life as a state machine: Loading → Ready → Draining, or Failed. Pure. */
export type Phase = 'Loading' | 'Ready' | 'Draining' | 'Failed';

const NEXT: Record<Phase, Phase[]> = {
  Loading: ['Ready', 'Failed', 'Draining'],
  Ready: ['Draining', 'Failed'],
  Draining: ['Failed'],
  Failed: [],
};

export class Lifecycle {
  #phase: Phase = 'Loading';
  #warning: string | undefined;

  get phase(): Phase {
    return this.#phase;
  }

  /** init() has ended well once, whatever came after. */
  get started(): boolean {
    return this.#phase === 'Ready' || this.#phase === 'Draining';
  }

  /** What its users should know although it serves; the first of several. */
  get warning(): string | undefined {
    return this.#warning;
  }

  warn(message: string): void {
    this.#warning ??= message;
  }

  /** Moves on; a step that the machine does not have is ignored and answered with false. */
  to(phase: Phase): boolean {
    if (!NEXT[this.#phase].includes(phase)) return false;
    this.#phase = phase;
    return true;
  }
}
