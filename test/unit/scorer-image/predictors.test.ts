/** Predictors: tensors in, tensors out. */
import { expect } from 'chai';
import type { Session } from '../../../scorer-image/model/session.ts';
import { onnxPredictor } from '../../../scorer-image/predictors/onnxPredictor.ts';
import { scriptPredictor } from '../../../scorer-image/predictors/scriptPredictor.ts';
import type { EncodedResponse } from '../../../scorer-image/protocols/messages.ts';
import { encoded } from '../../../scorer-image/run/scoring.ts';
import type { UserScript } from '../../../scorer-image/script/script.ts';
import { BadInput } from '../../../scorer-image/tensor/errors.ts';
import type { NamedTensor, Tensor } from '../../../scorer-image/tensor/tensor.ts';

const tensor = (name: string, ...values: number[]): NamedTensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: new Float32Array(values),
});
const thrown = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

/** A session with the outputs `sum` and `max`, whose run is `run`. */
function session(run: Session['run'], resultBytes?: (rows: number) => number): Session {
  const output = (name: string) => ({ name, datatype: 'FP32', shape: [-1] });
  return {
    signature: { inputs: [output('x')], outputs: [output('sum'), output('max')] },
    run,
    ...(resultBytes && { resultBytes }),
  };
}

describe('an ONNX model as a predictor', () => {
  const results = { max: tensor('max', 2), sum: tensor('sum', 3) } as Record<string, Tensor>;

  it('gets its inputs by name, and gives all outputs in the order of its signature', async () => {
    const calls: unknown[] = [];
    const predictor = onnxPredictor(
      session((feeds, outputs) => {
        calls.push([Object.keys(feeds), outputs]);
        return Promise.resolve(results);
      }),
      0,
    );
    const { outputs, release } = await predictor.predict({ tensors: [tensor('x', 1, 2)] });
    expect(outputs.map(({ name }) => name)).to.deep.equal(['sum', 'max']);
    expect(calls).to.deep.equal([[['x'], ['sum', 'max']]]);
    expect(release).to.equal(undefined);
  });

  it('gives the outputs that were asked for, in that order', async () => {
    const predictor = onnxPredictor(
      session(() => Promise.resolve(results)),
      0,
    );
    const { outputs } = await predictor.predict({ tensors: [tensor('x', 1)], outputs: ['max', 'sum'] });
    expect(outputs.map(({ name }) => name)).to.deep.equal(['max', 'sum']);
  });

  for (const message of [
    'Non-zero status code returned while running Gemm node',
    'Got invalid dimensions for input: x',
    'Invalid rank for input: x',
  ])
    it(`refuses the input that the model cannot run on: ${message}`, async () => {
      const predictor = onnxPredictor(
        session(() => Promise.reject(new Error(message))),
        0,
      );
      const error = await thrown(predictor.predict({ tensors: [tensor('x', 1)] }));
      expect(error).to.be.instanceOf(BadInput).and.have.property('status', 400);
      expect((error as Error).message).not.to.contain('Gemm');
    });

  it('passes on any other error', async () => {
    const predictor = onnxPredictor(
      session(() => Promise.reject(new Error('out of memory'))),
      0,
    );
    expect(await thrown(predictor.predict({ tensors: [tensor('x', 1)] }))).to.have.property('message', 'out of memory');
  });

  it('reserves memory for large results, until release', async () => {
    const large = session(
      () => Promise.resolve(results),
      (rows) => rows * 2 ** 25,
    );
    const predictor = onnxPredictor(large, 10);
    const first = await predictor.predict({ tensors: [tensor('x', 1, 2)] });
    expect(first.release).to.be.a('function');
    expect(await thrown(predictor.predict({ tensors: [tensor('x', 1, 2)] }))).to.have.property('status', 429);
    first.release!();
    (await predictor.predict({ tensors: [tensor('x', 1, 2)] })).release!();
  });

  it('releases the memory when the model fails', async () => {
    let fails = true;
    const large = session(
      () => (fails ? Promise.reject(new Error('no')) : Promise.resolve(results)),
      () => 2 ** 26,
    );
    const predictor = onnxPredictor(large, 10);
    await thrown(predictor.predict({ tensors: [tensor('x', 1)] }));
    fails = false;
    (await predictor.predict({ tensors: [tensor('x', 1)] })).release!();
  });
});

describe('a script as a predictor', () => {
  const context = { id: '7', parameters: { p: 1 }, request: undefined };
  const predict = (run: UserScript['run'], outputs?: string[]) =>
    scriptPredictor({ init: () => undefined, run }).predict({ tensors: [tensor('x', 1)], outputs, context });
  const result = { outputs: [{ name: 'y', datatype: 'FP32', shape: [2], data: [1, 2] }, tensor('z', 3)] };

  it('gets id, parameters and inputs', async () => {
    let given: unknown;
    await predict((raw) => {
      given = raw;
      return result;
    });
    expect(given).to.deep.equal({ id: '7', parameters: { p: 1 }, inputs: [tensor('x', 1)] });
  });

  it('gives all outputs, or those that were asked for', async () => {
    const { outputs } = await predict(() => result);
    expect(outputs.map(({ name, data }) => [name, ...(data as Float32Array)])).to.deep.equal([
      ['y', 1, 2],
      ['z', 3],
    ]);
    expect((await predict(() => Promise.resolve(result), ['z'])).outputs.map(({ name }) => name)).to.deep.equal(['z']);
  });

  it('refuses an output that does not exist', async () => {
    const error = await thrown(predict(() => result, ['w']));
    expect(error).to.be.instanceOf(BadInput).and.have.property('message', 'unknown output w; there is y, z');
  });

  for (const value of [undefined, null, 1, {}, { outputs: {} }])
    it(`rejects the result ${JSON.stringify(value)}`, async () =>
      expect(String(await thrown(predict(() => value)))).to.contain('run() must answer a request of the V2 protocol'));

  it('rejects an output whose data do not fit its shape', async () => {
    const wrong = { outputs: [{ name: 'y', datatype: 'FP32', shape: [3], data: [1] }] };
    expect(String(await thrown(predict(() => wrong)))).to.contain('outputs y.data');
  });
});

describe('the memory of a prediction', () => {
  /** What `encode` makes of a prediction, and how often its memory was released. */
  function encode(made: () => EncodedResponse): { response?: EncodedResponse; released: () => number } {
    let released = 0;
    const prediction = { outputs: [], release: () => void (released += 1) };
    try {
      return { response: encoded(prediction, made), released: () => released };
    } catch {
      return { released: () => released };
    }
  }

  it('is released at once for a whole response', () => {
    const { response, released } = encode(() => ({ body: '{}' }));
    expect([response, released()]).to.deep.equal([{ body: '{}' }, 1]);
  });

  it('is released by the response that is sent in chunks', () => {
    const { response, released } = encode(() => ({ body: '', chunks: ['a'] }));
    expect(released()).to.equal(0);
    response!.release!();
    expect(released()).to.equal(1);
  });

  it('is released when the outputs cannot be encoded', () => {
    const { response, released } = encode(() => {
      throw new Error('FP16');
    });
    expect([response, released()]).to.deep.equal([undefined, 1]);
  });
});
