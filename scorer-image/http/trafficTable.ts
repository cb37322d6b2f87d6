/** The traffic table in its mounted file, read twice a second. */
import { parseTraffic, TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const POLL_MS = 500;

export class TrafficTable {
  readonly #file: string;
  #text = '';
  #table: Traffic | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#file = join(folder, TRAFFIC_FILE);
  }

  /** Reads the table now, and again until {@link close}. A missing or invalid file leaves the last valid table. */
  async open(): Promise<void> {
    await this.#read();
    this.#timer = setInterval(() => void this.#read(), POLL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get known(): boolean {
    return this.#table !== undefined;
  }

  get keyHashes(): string[] {
    return this.#table?.keyHashes ?? [];
  }

  retiring(revision: string): boolean {
    return this.#table?.revisions[revision]?.state === 'retiring';
  }

  async #read(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => ''); // not mounted yet: /readyz reports it
    if (text === this.#text) return;
    this.#table = parseTraffic(text) ?? this.#table;
    this.#text = text;
  }
}
