/** The log lines of a process that ends: all are written, but they do not keep it alive. */
import { expect } from 'chai';
import { createLogger, transports } from 'winston';
import { flushLogs } from '@penstock/server/logger';

/** Takes each line after so long. */
class Slow extends transports.Console {
  readonly lines: unknown[] = [];
  readonly #ms: number;

  constructor(ms: number) {
    super();
    this.#ms = ms;
  }

  override log(info: { message: unknown }, next: () => void): void {
    setTimeout(() => {
      this.lines.push(info.message);
      next();
    }, this.#ms).unref();
  }
}

describe('the log lines of a process that ends', () => {
  for (const [what, ms, out] of [
    ['are all out when flushed() resolves', 20, ['one', 'two']],
    ['keep no process alive whose output is not read', 60_000, []],
  ] as const) {
    it(what, async () => {
      const slow = new Slow(ms);
      const log = createLogger({ transports: [slow] });
      for (const word of ['one', 'two']) log.info(word);
      await flushLogs(log);
      expect(slow.lines).to.deep.equal(out);
    });
  }
});
