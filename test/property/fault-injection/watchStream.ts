/** One watch on its way to the operator: lines in order, unless the plan says otherwise. */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const nameIn = (line: string): string | undefined =>
  (JSON.parse(line) as { object: { metadata?: { name?: string } } }).object.metadata?.name;

export class WatchStream {
  readonly #response: ServerResponse;
  readonly #lateMs: number;
  /** A line that goes after the next one. */
  #held: string | undefined;
  /** A line that is never told, if the same object has news soon. */
  #skipped: string | undefined;

  constructor(response: ServerResponse, lateMs: number) {
    this.#response = response;
    this.#lateMs = lateMs;
  }

  async write(line: string, fault: string | undefined): Promise<void> {
    if (this.#skipped !== undefined && nameIn(this.#skipped) === nameIn(line)) this.#skipped = undefined;
    if (fault === 'drop') return this.#skip(line);
    if (fault === 'delay') await sleep(this.#lateMs);
    // of one object, a server never tells out of order
    if (this.#held !== undefined && nameIn(this.#held) === nameIn(line)) this.#flush();
    if (fault === 'swap with the next') return this.#hold(line);
    this.#response.write(`${line}\n`);
    if (fault === 'duplicate') setTimeout(() => this.#response.write(`${line}\n`), this.#lateMs).unref();
    this.#flush();
  }

  /** The server has forgotten where the watch was. */
  expire(): void {
    this.#flush();
    this.#response.end(
      `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'injected: too old resource version' } })}\n`,
    );
  }

  /** In the middle of a line. */
  reset(): void {
    this.#response.write('{"type":"MODIFIED","obj', () => this.#response.destroy());
  }

  #hold(line: string): void {
    this.#held = line;
    setTimeout(() => this.#flush(), this.#lateMs).unref(); // there may be no next one
  }

  /**
   * A server that loses the last word on an object ends the watch; what is lost for good here is only what was
   * overtaken.
   */
  #skip(line: string): void {
    this.#skipped = line;
    setTimeout(() => {
      if (this.#skipped === line) this.#response.write(`${line}\n`);
    }, 2 * this.#lateMs).unref();
  }

  #flush(): void {
    if (this.#held !== undefined) this.#response.write(`${this.#held}\n`);
    this.#held = undefined;
  }
}
