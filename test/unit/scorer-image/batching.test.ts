/** Requests that share a native call get what they would have got alone; a model here is a function on rows. */
import { expect } from 'chai';
import { batching, rowsAreIndependent } from '../../../scorer-image/load/batching.ts';
import type { Session } from '../../../scorer-image/load/session.ts';
import type { Tensor } from '../../../scorer-image/load/tensor.ts';

const row = (...values: number[]): Tensor => ({ datatype: 'FP32', shape: [values.length / 2, 2], data: Float32Array.from(values) });

/** y = f(x) with two columns; counts its calls. */
function model(f: (data: Float32Array) => Float32Array, shape = [-1, 2]): Session & { calls: number[] } {
  const calls: number[] = [];
  return {
    calls, signature: { inputs: [{ name: 'x', datatype: 'FP32', shape }], outputs: [{ name: 'y', datatype: 'FP32', shape }] },
    run: ({ x }) => {
      calls.push(x!.shape[0]!);
      if ((x!.data as Float32Array).includes(666)) return Promise.reject(new Error('no such row'));
      return Promise.resolve({ y: { ...x!, data: f(x!.data as Float32Array) } });
    },
  };
}
const twice = (data: Float32Array): Float32Array => data.map((value) => value * 2);
const values = (results: Record<string, Tensor>): number[] => [...(results.y!.data as Float32Array)];

describe('batching', () => {
  it('calls of one turn go to the model as one, and each gets its own rows back', async () => {
    const session = model(twice);
    const joined = batching({ session, maxBatchSize: 64 });
    for (let turn = 0; turn < 2; turn++) {
      const answers = await Promise.all([joined.run({ x: row(1, 2) }), joined.run({ x: row(3, 4, 5, 6) }), joined.run({ x: row(7, 8) })]);
      expect(answers.map(values)).to.deep.equal([[2, 4], [6, 8, 10, 12], [14, 16]]);
    }
    expect(session.calls, 'measured the first time').to.deep.equal([1, 3, 4]);
  });
  it('no call gets more rows than the limit; a request that is larger goes alone', async () => {
    const session = model(twice);
    const joined = batching({ session, maxBatchSize: 2 });
    await Promise.all([row(1, 1), row(2, 2), row(3, 3), row(4, 4, 4, 4, 4, 4)].map((x) => joined.run({ x })));
    expect(session.calls).to.deep.equal([2, 1, 3]);
  });
  it('the mistake of one is not the others’', async () => {
    const joined = batching({ session: model(twice), maxBatchSize: 64 });
    const ends = await Promise.allSettled([row(1, 2), row(666, 0), row(3, 4)].map((x) => joined.run({ x })));
    expect(ends.map((end) => (end.status === 'fulfilled' ? values(end.value) : (end.reason as Error).message))).to.deep.equal([[2, 4], 'no such row', [6, 8]]);
  });
  it('calls for other outputs or of another width are not mixed', async () => {
    const session = model(twice);
    const joined = batching({ session, maxBatchSize: 64 });
    await Promise.all([joined.run({ x: row(1, 2) }), joined.run({ x: { datatype: 'FP32', shape: [1, 3], data: new Float32Array(3) } })]);
    expect(session.calls).to.deep.equal([1, 1]);
  });
});

describe('whether joining pays', () => {
  const CALLS = 8;
  /** The groups that a model runs, round after round, when a call takes so many milliseconds and so many more for each row. */
  async function groupsOf(rounds: number, cost: (round: number) => { call: number; row: number }): Promise<number[][]> {
    let [clock, round] = [0, 0];
    const session = model(twice);
    const timed: Session = { ...session, run: (feeds) => {
      const { call, row: each } = cost(round);
      clock += call + each * feeds.x!.shape[0]!;
      return session.run(feeds);
    } };
    const joined = batching({ session: timed, maxBatchSize: 64, now: () => clock });
    const groups: number[][] = [];
    for (; round < rounds; round++) {
      const answers = await Promise.all(Array.from({ length: CALLS }, (_, i) => joined.run({ x: row(i, i) })));
      expect(answers.map(values)).to.deep.equal(Array.from({ length: CALLS }, (_, i) => [2 * i, 2 * i]));
      groups.push(session.calls.splice(0));
    }
    return groups;
  }
  const APART = Array.from({ length: CALLS }, () => 1);
  const sum = (all: number[][], group: number[]): number => all.filter((one) => one.join() === group.join()).length;

  it('a small model is joined, and measured but once', async () => {
    expect(await groupsOf(100, () => ({ call: 0.02, row: 0.001 }))).to.deep.equal([[1, 3, 4], ...Array.from({ length: 99 }, () => [CALLS])]);
  });
  it('a large one whose calls cost more than its rows is joined; one call is run alone ever more seldom', async () => {
    const groups = await groupsOf(100, () => ({ call: 5, row: 1 }));
    expect(groups.slice(0, 3)).to.deep.equal([[1, 3, 4], [8], [8]]);
    expect(groups.flatMap(({ length }, round) => (length > 1 ? [round] : []))).to.deep.equal([0, 32, 96]);
  });
  it('one that gains nothing is run call by call from its first rows on', async () => {
    const groups = await groupsOf(60, () => ({ call: 0.1, row: 5 }));
    expect(groups.slice(0, 3)).to.deep.equal([[1, 3, ...APART.slice(4)], APART, APART]);
    expect(sum(groups, APART)).to.equal(60 - 2);
  });
  it('one strange measurement changes nothing; a machine that has changed does', async () => {
    const stall = await groupsOf(60, (round) => (round === 32 ? { call: 0, row: 9 } : { call: 9, row: 0.1 }));
    expect(stall.slice(31, 35)).to.deep.equal([[8], [1, 3, 4], [1, 3, 4], [8]]);
    const changed = await groupsOf(100, (round) => (round < 10 ? { call: 0, row: 5 } : { call: 5, row: 0.1 }));
    expect(changed[9]).to.deep.equal(APART);
    expect(changed.at(-1)).to.deep.equal([CALLS]);
  });
});

describe('whether rows are independent', () => {
  const rows: [string, Session, boolean][] = [
    ['each row by itself', model(twice), true],
    ['a sum over rows: the first dimension is no batch', model((data) => data.map((_, i) => data.reduce((sum, value, k) => (k % 2 === i % 2 ? sum + value : sum), 0))), false],
    ['a running total: state between rows', model((data) => data.map((value, i) => (i >= 2 ? value + data[i - 2]! : value))), false],
    ['a scale taken over all rows: dynamic quantization', model((data) => { const scale = Math.max(...data.map(Math.abs)) / 127; return data.map((value) => Math.round(value / scale) * scale); }), false],
    ['small values: closeness is relative to the row', model((data) => data.map((value) => (data.length > 2 ? value * 2e-4 : value * 1e-4))), false],
    ['a fixed first dimension', model(twice, [1, 2]), false],
    ['a model that takes no made-up rows', model(() => { throw new Error('no'); }), false],
  ];
  for (const [sentence, session, expected] of rows) it(`${sentence}: ${expected ? 'joined' : 'not joined'}`, async () => expect(await rowsAreIndependent(session)).to.equal(expected));
});
