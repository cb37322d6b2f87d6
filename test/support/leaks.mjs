// A file whose tests are done must have ended every process it started: with `mocha --parallel` nothing else would
// notice.
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 5_000;
const children = () => process.getActiveResourcesInfo().filter((what) => what === 'ProcessWrap').length;

export const mochaHooks = {
  async afterAll() {
    this.timeout(2 * PATIENCE_MS);
    for (const until = Date.now() + PATIENCE_MS; children() > 0 && Date.now() < until;) await sleep(50);
    if (children() > 0)
      throw new Error(`the tests are done, and ${children()} process(es) that they started still run`);
  },
};
