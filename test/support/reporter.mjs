// mocha's spec reporter, which also adds its counts to the file of PENSTOCK_COUNTS for the closing line of `npm test`,
// and fails a run whose tests are done while something they left keeps the process alive.
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

const LEAK_MS = 15_000;

export default class CountingReporter extends Mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    const failed = this.failures.map((test) => `${test.fullTitle()}: ${firstLine(test.err)}`);
    setTimeout(() => {
      console.error(
        `The tests are done, but this keeps their process alive: ${process.getActiveResourcesInfo().join(', ')}. A test has not ended what it started.`,
      );
      record({ passes: 0, failures: 1, failed: ['something keeps the process alive after the tests'] });
      process.on('exit', () => (process.exitCode = 1)); // after mocha's own, which knows only of failed tests
      process.exit();
    }, LEAK_MS).unref();
    record({ passes, failures, failed });
  }
}

const firstLine = (error) => String(error?.message ?? error).split('\n', 1)[0];

function record(counts) {
  if (process.env.PENSTOCK_COUNTS) appendFileSync(process.env.PENSTOCK_COUNTS, `${JSON.stringify(counts)}\n`);
}
