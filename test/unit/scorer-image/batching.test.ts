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
    const answers = await Promise.all([joined.run({ x: row(1, 2) }), joined.run({ x: row(3, 4, 5, 6) }), joined.run({ x: row(7, 8) })]);
    expect(answers.map(values)).to.deep.equal([[2, 4], [6, 8, 10, 12], [14, 16]]);
    expect(session.calls).to.deep.equal([4]);
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
