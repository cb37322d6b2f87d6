// mocha's spec reporter, which also adds its counts to the file of PENSTOCK_COUNTS for the closing line of `npm test`.
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

export default class CountingReporter extends Mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    if (process.env.PENSTOCK_COUNTS) appendFileSync(process.env.PENSTOCK_COUNTS, `${JSON.stringify({ passes, failures })}\n`);
  }
}
