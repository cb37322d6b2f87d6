/**
 * Requests that cost as much as they can, one after the other: each is answered, and none ends the process or outgrows
 * a small pod. Thousands by `npm run test:hostile`.
 */
import { expect } from 'chai';
import { fileMiB, peakMiB } from '../../perf/bench/figures.ts';
import { ready, scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';
import { largeRequests, smallRequests, type Costly } from '../../property/fuzz/costly.ts';

const SMALL = Number(process.env.HOSTILE_SMALL ?? 32);
const LARGE = Number(process.env.HOSTILE_LARGE ?? 5);
/** Development's limit. */
const POD_MIB = 512;

describe('costly requests', function () {
  this.timeout(1_000 * (SMALL + 10 * LARGE));
  let scorer: Scorer;
  const start = scorerPerTest();

  async function send(requests: Iterable<Costly>): Promise<{ sent: number; strange: string[] }> {
    scorer = await start({ env: { PENSTOCK_REQUEST_TIMEOUT_MS: '60000' } });
    const strange: string[] = [];
    let sent = 0;
    for (const { what, path, body, headers } of requests) {
      sent += 1;
      const answer = await fetch(scorer.url + path, { method: 'POST', headers, body: new Uint8Array(body) }).catch(
        (error: unknown) => error as Error,
      );
      if (answer instanceof Error)
        strange.push(`${what}: ${answer.message} ${(answer.cause as Error | undefined)?.message}`);
      else {
        await answer.arrayBuffer().catch((error: unknown) => strange.push(`${what}: ${String(error)}`));
        if (answer.status >= 500) strange.push(`${what}: ${answer.status}`);
        if (answer.status === 413) await ready(scorer);
      }
    }
    return { sent, strange };
  }

  for (const [what, requests] of [
    [`${SMALL} of at most 64 KiB on the wire`, () => smallRequests(SMALL, 1)],
    [`${LARGE} of 16 MiB`, () => largeRequests(LARGE)],
  ] as const) {
    it(what, async () => {
      const { sent, strange } = await send(requests());
      expect(strange.slice(0, 5)).to.deep.equal([]);
      expect(sent).to.be.at.least(Math.min(SMALL, LARGE) / 2);
      expect(scorer.process.exitCode).to.equal(null);
      expect(peakMiB(scorer.process) - fileMiB(scorer.process), 'MiB at the peak').to.be.lessThan(POD_MIB);
    });
  }
});
