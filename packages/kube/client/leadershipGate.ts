/** Whether this replica leads: opened by the Lease, and asked by the client before each write. */
export class LeadershipGate {
  #openUntil = -Infinity;

  /** This replica leads now. */
  get open(): boolean {
    return performance.now() < this.#openUntil;
  }

  /** Open until then, by the clock of `performance.now()` (milliseconds). */
  openUntil(until: number): void {
    this.#openUntil = until;
  }

  close(): void {
    this.#openUntil = -Infinity;
  }
}
