/** The settings of the scorer: values that are derived from several variables, and errors that name every problem. */
import { expect } from 'chai';
import { parseFetch, parseServe } from '../../../scorer-image/config.ts';

const REQUIRED = {
  PENSTOCK_PIPELINE: 'iris',
  PENSTOCK_REVISION: 'iris-1',
  PENSTOCK_MODELS: '[]',
  PENSTOCK_AUTH: 'None',
  PENSTOCK_REQUEST_TIMEOUT_MS: '5000',
  PENSTOCK_INIT_TIMEOUT_MS: '60000',
};
const serve = (change: Record<string, string | undefined> = {}) => parseServe({ ...REQUIRED, ...change });

describe('the settings of serve', () => {
  it('a call hangs after 30 s', () => expect(serve().hangMs).to.equal(30_000));
  it('a call hangs after four timeouts, if that is more', () =>
    expect(serve({ PENSTOCK_REQUEST_TIMEOUT_MS: '10000' }).hangMs).to.equal(40_000));
  it('SCORING_TIMEOUT_MS lowers the timeout', () =>
    expect(serve({ SCORING_TIMEOUT_MS: '1000' }).requestTimeoutMs).to.equal(1000));
  it('SCORING_TIMEOUT_MS does not raise it', () =>
    expect(serve({ SCORING_TIMEOUT_MS: '9000' }).requestTimeoutMs).to.equal(5000));

  const threads: [string, string, number][] = [
    ['4000', '1', 4],
    ['4000', '2', 2],
    ['1500', '1', 1],
    ['500', '1', 1],
    ['1000', '4', 1],
  ];
  for (const [millis, workers, expected] of threads)
    it(`${millis} millicores and ${workers} workers: ${expected} threads`, () =>
      expect(serve({ PENSTOCK_CPU_MILLIS: millis, WORKER_COUNT: workers }).threads).to.equal(expected));

  it('an error names every missing variable', () => {
    expect(() => parseServe({})).to.throw(/PENSTOCK_PIPELINE[^]*PENSTOCK_REVISION/);
  });
});

describe('the settings of fetch', () => {
  it('private addresses are allowed unless the operator says false', () => {
    expect(parseFetch({ PENSTOCK_FETCH: '[]' }).addresses).to.deep.equal({ loopback: false, privateNetwork: true });
    expect(parseFetch({ PENSTOCK_FETCH: '[]', PENSTOCK_PRIVATE_SOURCES: 'false' }).addresses.privateNetwork).to.equal(
      false,
    );
  });
});
