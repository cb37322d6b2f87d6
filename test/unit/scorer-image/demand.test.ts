/** What a pod says of its load: averages over ten seconds, whatever the moments at which things happen. */
import { expect } from 'chai';
import { Demand } from '../../../scorer-image/metrics/demand.ts';

const START = 1_000_250; // not on a whole second
const at = (seconds: number): number => START + seconds * 1000;
const ANSWERED = { rejected: false, runMs: 100 };

interface Row {
  says: string;
  happens: (demand: Demand) => void;
  after: number;
  want: { concurrency: number; requestsPerSecond?: number; idleSeconds?: number };
}
const ROWS: Row[] = [
  {
    says: 'a pod without requests is idle since its start',
    happens: () => undefined,
    after: 600,
    want: { concurrency: 0, requestsPerSecond: 0, idleSeconds: 600 },
  },
  {
    says: 'the time of init() does not count as idle',
    happens: (demand) => demand.ready(at(300)),
    after: 310,
    want: { concurrency: 0, idleSeconds: 10 },
  },
  {
    says: 'three requests in flight: concurrency 3 at once',
    happens: (demand) => demand.setInFlight(3, at(0)),
    after: 2,
    want: { concurrency: 3, idleSeconds: 0 },
  },
  {
    says: 'three requests in flight for an hour: concurrency 3',
    happens: (demand) => demand.setInFlight(3, at(0)),
    after: 3600,
    want: { concurrency: 3, idleSeconds: 0 },
  },
  {
    says: 'a request in flight for half of the time: concurrency 0.5',
    happens: (demand) => {
      for (let i = 0; i < 40; i++) demand.setInFlight((i + 1) % 2, at(i / 2));
    },
    after: 20,
    want: { concurrency: 0.5 },
  },
  {
    says: 'requests of more than ten seconds ago do not count',
    happens: (demand) => {
      demand.setInFlight(100, at(0));
      demand.setInFlight(0, at(5));
    },
    after: 15,
    want: { concurrency: 0, idleSeconds: 10 },
  },
  {
    says: 'a pod that is younger than ten seconds averages over its life',
    happens: (demand) => {
      demand.setInFlight(4, at(0));
      demand.setInFlight(0, at(1));
    },
    after: 2,
    want: { concurrency: 2, idleSeconds: 1 },
  },
  {
    says: 'requests are counted by the second',
    happens: (demand) => {
      for (let i = 0; i < 200; i++) demand.ended(at(i / 10), ANSWERED);
    },
    after: 20,
    want: { concurrency: 0, requestsPerSecond: 10 },
  },
  {
    says: 'refused requests count for what they would have taken: 20 a second of 100 ms are two more',
    happens: overload,
    after: 10,
    want: { concurrency: 6, requestsPerSecond: 30 },
  },
];

/** A pod with four at a time: ten a second are answered after 100 ms of work each, twenty are refused. */
function overload(demand: Demand): void {
  demand.setInFlight(4, at(0));
  for (let i = 0; i < 300; i++) demand.ended(at(i / 30), i % 3 === 0 ? ANSWERED : { rejected: true, runMs: undefined });
}

describe('demand', () => {
  for (const { says, happens, after, want } of ROWS) {
    it(says, () => {
      const demand = new Demand(START);
      happens(demand);
      const figures = demand.figures(at(after));
      expect(figures.concurrency).to.be.closeTo(want.concurrency, 0.001);
      if (want.requestsPerSecond !== undefined)
        expect(figures.requestsPerSecond).to.be.closeTo(want.requestsPerSecond, 0.2);
      if (want.idleSeconds !== undefined) expect(figures.idleSeconds).to.be.closeTo(want.idleSeconds, 0.001);
    });
  }

  it('refused requests count with the last known run time while no run ends', () => {
    const demand = new Demand(START);
    overload(demand);
    demand.figures(at(10));
    for (let i = 0; i < 200; i++) demand.ended(at(25 + i / 20), { rejected: true, runMs: undefined });
    expect(demand.figures(at(35)).concurrency).to.be.closeTo(6, 0.1);
  });
});
