/** Tests that passed only at a second attempt: `npm test` counts them. */
import { appendFileSync } from 'node:fs';

export type RetriedKind = 'story' | 'plan' | 'transition';

/** Records that something is tried again. `what` names it in the closing lines of `npm test`. */
export function retried(kind: RetriedKind, what: string): void {
  console.log(`${kind} ${what} is tried once more`);
  const file = process.env.PENSTOCK_COUNTS;
  if (file)
    appendFileSync(file, `${JSON.stringify({ passes: 0, failures: 0, failed: [], retried: [{ kind, what }] })}\n`);
}
