/** Requests that share a native call get what they would have got alone; a model here is a function on rows. */
import { expect } from 'chai';
import { batching } from '../../../scorer-image/model/batching.ts';
import { probe } from '../../../scorer-image/model/probe.ts';
import type { Session } from '../../../scorer-image/model/session.ts';
import type { Tensor } from '../../../scorer-image/tensor/tensor.ts';

const row = (...values: number[]): Tensor => ({
  datatype: 'FP32',
  shape: [values.length / 2, 2],
  data: Float32Array.from(values),
});

/** y = f(x) with two columns; counts its calls. */
function model(f: (data: Float32Array) => Float32Array, shape = [-1, 2]): Session & { calls: number[] } {
  const calls: number[] = [];
  return {
    calls,
    signature: { inputs: [{ name: 'x', datatype: 'FP32', shape }], outputs: [{ name: 'y', datatype: 'FP32', shape }] },
    run: ({ x }) => {
      calls.push(x!.shape[0]!);
      if ((x!.data as Float32Array).includes(666)) return Promise.reject(new Error('no such row'));
      return Promise.resolve({ y: { ...x!, data: f(x!.data as Float32Array) } });
    },
  };
}
const twice = (data: Float32Array): Float32Array => data.map((value) => value * 2);
const values = (results: Record<string, Tensor>): number[] => [...(results.y!.data as Float32Array)];

/**
 * As after two turns of four calls, which have shown that the model's calls are joined: a fast one's, where no time
 * passes.
 */
async function learnt(
  session: ReturnType<typeof model>,
  maxBatchSize: number,
  now = (): number => 0,
): Promise<Session> {
  const joined = batching({ session, maxBatchSize, now });
  for (let turn = 0; turn < 2; turn++) await Promise.all([1, 2, 3, 4].map((x) => joined.run({ x: row(x, x) })));
  session.calls.length = 0;
  return joined;
}

describe('batching', () => {
  it('calls of one turn of the event loop are joined, and each gets its own rows', async () => {
    const session = model(twice);
    const joined = await learnt(session, 64);
    const answers = await Promise.all([
      joined.run({ x: row(1, 2) }),
      joined.run({ x: row(3, 4, 5, 6) }),
      joined.run({ x: row(7, 8) }),
    ]);
    expect(answers.map(values)).to.deep.equal([
      [2, 4],
      [6, 8, 10, 12],
      [14, 16],
    ]);
    expect(session.calls).to.deep.equal([4]);
  });
  it('calls that arrive while a model is busy are joined next', async () => {
    const session = model(twice);
    let clock = 0;
    const joined = await learnt(
      {
        ...session,
        run: async (feeds) => {
          const result = session.run(feeds);
          clock += 5; // a call costs the same for any number of rows
          await new Promise((resolve) => setTimeout(resolve, 20));
          return result;
        },
      },
      64,
      () => clock,
    );
    const first = joined.run({ x: row(1, 1) });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = joined.run({ x: row(2, 2) });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([first, second, joined.run({ x: row(3, 3) })]);
    expect(session.calls).to.deep.equal([1, 2]);
  });
  it('no call has more rows than the limit; a larger request runs alone', async () => {
    const session = model(twice);
    const joined = await learnt(session, 2);
    await Promise.all([row(1, 1), row(2, 2), row(3, 3), row(4, 4, 4, 4, 4, 4)].map((x) => joined.run({ x })));
    expect(session.calls).to.deep.equal([2, 1, 3]);
  });
  it('one invalid call does not fail the others', async () => {
    const session = model(twice);
    const joined = await learnt(session, 64);
    const ends = await Promise.allSettled([row(1, 2), row(666, 0), row(3, 4)].map((x) => joined.run({ x })));
    expect(
      ends.map((end) => (end.status === 'fulfilled' ? values(end.value) : (end.reason as Error).message)),
    ).to.deep.equal([[2, 4], 'no such row', [6, 8]]);
    expect(session.calls).to.deep.equal([3, 1, 1, 1]);
  });
  it('calls for other outputs are not joined', async () => {
    const session = model(twice);
    const joined = await learnt(session, 64);
    await Promise.all([joined.run({ x: row(1, 2) }, ['y']), joined.run({ x: row(3, 4) }, ['y', 'z'])]);
    expect(session.calls).to.deep.equal([1, 1]);
  });
  it('calls of another width are not joined', async () => {
    const session = model(twice);
    const joined = await learnt(session, 64);
    await Promise.all([
      joined.run({ x: row(1, 2) }),
      joined.run({ x: { datatype: 'FP32', shape: [1, 3], data: new Float32Array(3) } }),
    ]);
    expect(session.calls).to.deep.equal([1, 1]);
  });
});

describe('the batching policy', () => {
  const CALLS = 8;
  /**
   * The groups that a model runs, round after round, when a call takes so many milliseconds and so many more for each
   * row.
   */
  async function groupsOf(rounds: number, cost: (round: number) => { call: number; row: number }): Promise<number[][]> {
    let [clock, round] = [0, 0];
    const session = model(twice);
    const timed: Session = {
      ...session,
      run: (feeds) => {
        const { call, row: each } = cost(round);
        clock += call + each * feeds.x!.shape[0]!;
        return session.run(feeds);
      },
    };
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
  const MEASURED = [1, 3, 4];
  const FIRST = [1, 3, ...APART.slice(4)];
  const roundsOf = (all: number[][], group: number[]): number[] =>
    all.flatMap((one, round) => (one.join() === group.join() ? [round] : []));

  it('a small model is joined after two measurements, and is not measured again', async () => {
    expect(await groupsOf(100, () => ({ call: 0.02, row: 0.001 }))).to.deep.equal([
      FIRST,
      MEASURED,
      ...Array.from({ length: 98 }, () => [CALLS]),
    ]);
  });
  it('a large model whose calls cost more than its rows is joined, and single calls become rarer', async () => {
    const groups = await groupsOf(100, () => ({ call: 5, row: 1 }));
    expect(groups.slice(0, 3)).to.deep.equal([FIRST, MEASURED, [CALLS]]);
    expect(roundsOf(groups, MEASURED)).to.deep.equal([1, 18, 51]);
  });
  it('a model without a gain runs call by call, with at most three joined calls', async () => {
    const groups = await groupsOf(60, () => ({ call: 0.1, row: 5 }));
    expect(roundsOf(groups, FIRST)).to.deep.equal([0, 1, 18, 51]);
    expect(roundsOf(groups, APART)).to.have.length(60 - 4);
  });
  it('one outlier changes nothing; a lasting change does', async () => {
    const stall = await groupsOf(60, (round) => (round === 18 ? { call: 0, row: 9 } : { call: 9, row: 0.1 }));
    expect(stall.slice(17, 21)).to.deep.equal([[CALLS], MEASURED, MEASURED, [CALLS]]);
    const changed = await groupsOf(60, (round) => (round < 10 ? { call: 0, row: 5 } : { call: 5, row: 0.1 }));
    expect(changed[9]).to.deep.equal(APART);
    expect(changed.at(-1)).to.deep.equal([CALLS]);
  });
  it('a stall during a measurement: the model is measured again', async () => {
    const groups = await groupsOf(100, (round) => (round === 5 ? { call: 9, row: 0 } : { call: 0.02, row: 0.001 }));
    expect(roundsOf(groups, MEASURED)).to.deep.equal([1, 22]);
  });
  it('calls with different numbers of rows, and refused calls, are not compared', async () => {
    const session = model(twice);
    let clock = 0;
    const joined = batching({
      session: { ...session, run: (feeds) => session.run(feeds).finally(() => (clock += 5)) },
      maxBatchSize: 64,
      now: () => clock,
    });
    for (let turn = 0; turn < 5; turn++) {
      await Promise.allSettled([row(1, 1, 2, 2), row(3, 3), row(4, 4)].map((x) => joined.run({ x })));
      await Promise.allSettled([row(1, 1), row(666, 0), row(4, 4)].map((x) => joined.run({ x })));
    }
    expect(session.calls).to.deep.equal(Array.from({ length: 5 }, () => [2, 1, 1, 1, 2, 1, 1]).flat());
  });
});

describe('made-up requests, alone and together', () => {
  const rows: [string, Session, 'same' | 'different' | 'not run'][] = [
    ['each row by itself', model(twice), 'same'],
    [
      'a sum over rows: the first dimension is no batch',
      model((data) => data.map((_, i) => data.reduce((sum, value, k) => (k % 2 === i % 2 ? sum + value : sum), 0))),
      'different',
    ],
    [
      'a running total: state between rows',
      model((data) => data.map((value, i) => (i >= 2 ? value + data[i - 2]! : value))),
      'different',
    ],
    [
      'a scale taken over all rows: dynamic quantization',
      model((data) => {
        const scale = Math.max(...data.map(Math.abs)) / 127;
        return data.map((value) => Math.round(value / scale) * scale);
      }),
      'different',
    ],
    [
      'small values: closeness is relative to the row',
      model((data) => data.map((value) => (data.length > 2 ? value * 2e-4 : value * 1e-4))),
      'different',
    ],
    ['NaN stays NaN', model((data) => data.map((value) => Math.log(value))), 'same'],
    ['a fixed first dimension', model(twice, [1, 2]), 'not run'],
    [
      'a model that takes no made-up rows',
      model(() => {
        throw new Error('no');
      }),
      'not run',
    ],
  ];
  const nothing = { node: [], initializer: [], sparseInitializer: [], input: [], output: [] };
  for (const [sentence, session, expected] of rows)
    it(`${sentence}: ${expected}`, async () => expect((await probe(session, nothing)).verdict).to.equal(expected));
});

describe('a joined call whose answer is not that of each request', () => {
  it('is noticed when the model is idle, reported once, and disables joining', async () => {
    const seen: string[] = [];
    const session = model((data) => data.map((value) => (data.length > 2 ? value + 1 : value)));
    const joined = batching({
      session,
      maxBatchSize: 64,
      onDifference: ({ rows, message }) => seen.push(`${rows} rows: ${message}`),
    });
    for (let turn = 0; turn < 3; turn++) {
      await Promise.all([joined.run({ x: row(1, 2) }), joined.run({ x: row(3, 4) })]);
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    expect(seen).to.deep.equal(['2 rows: output y is 2 when joined, 1 alone']);
    expect(session.calls.slice(-2), 'joined no more').to.deep.equal([1, 1]);
  });
});
