/** Request bodies of the protocols, from bytes to inputs. */
import { expect } from 'chai';
import type { ModelSignature } from '@penstock/contract';
import { decodeInfer } from '../../../scorer-image/protocols/inferRequest.ts';
import { fromScoreBody } from '../../../scorer-image/protocols/dataFrames.ts';
import { invocation } from '../../../scorer-image/protocols/mlflow.ts';

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const x = { name: 'x', shape: [2], datatype: 'FP32', data: [1, 2] };
const binary = { name: 'x', shape: [2], datatype: 'FP32', parameters: { binary_data_size: 8 } };
const floats = Buffer.from(Float32Array.from([1, 2]).buffer);

function infer(request: object, rest = Buffer.alloc(0)) {
  const head = bytes(request);
  return decodeInfer(Buffer.concat([head, rest]), rest.length === 0 ? undefined : head.length);
}

describe('a request of the Open Inference Protocol', () => {
  it('has tensors as JSON', () =>
    expect([...(infer({ inputs: [x] }).inputs[0]!.data as Float32Array)]).to.deep.equal([1, 2]));
  it('has tensors as bytes after the JSON', () =>
    expect([...(infer({ inputs: [binary] }, floats).inputs[0]!.data as Float32Array)]).to.deep.equal([1, 2]));
  it('binary_data_output holds for a named output without a value of its own', () => {
    const parameters = { binary_data_output: true };
    const outputs = [{ name: 'a' }, { name: 'b', parameters: { binary_data: false } }];
    expect(infer({ inputs: [x], outputs, parameters }).outputs?.map(({ binary: one }) => one)).to.deep.equal([
      true,
      false,
    ]);
  });

  const refused: [string, () => unknown, RegExp][] = [
    [
      'bytes after the last tensor',
      () => infer({ inputs: [binary] }, Buffer.concat([floats, Buffer.alloc(3)])),
      /3 bytes follow the last tensor/,
    ],
    ['too few bytes', () => infer({ inputs: [binary] }, floats.subarray(0, 4)), /inputs\[0\]/],
    ['two inputs of a name', () => infer({ inputs: [x, x] }), /input x is there twice/],
    [
      'two outputs of a name',
      () => infer({ inputs: [x], outputs: [{ name: 'y' }, { name: 'y' }] }),
      /output y is there twice/,
    ],
    ['no inputs', () => infer({ inputs: [] }), /inputs must be a list/],
    [
      'a head longer than the body',
      () => decodeInfer(bytes({ inputs: [x] }), 10_000),
      /Inference-Header-Content-Length is 10000/,
    ],
  ];
  for (const [what, decode, message] of refused) it(`${what}: refused`, () => expect(decode).to.throw(message));
});

const signature: ModelSignature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2], features: ['a', 'b'] }],
  outputs: [],
};
const unnamed: ModelSignature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }], outputs: [] };

describe('a request of MLflow', () => {
  it('matches columns by name', () =>
    expect(invocation({ dataframe_split: { columns: ['b', 'a'], data: [[2, 1]] } }, signature)).to.deep.equal({
      x: [[1, 2]],
    }));
  it('takes columns by position if the model has no names', () =>
    expect(invocation({ dataframe_split: { columns: ['b', 'a'], data: [[2, 1]] } }, unnamed)).to.deep.equal({
      x: [[2, 1]],
    }));

  const refused: [string, unknown, ModelSignature, RegExp][] = [
    [
      'a row with fewer values than columns',
      { dataframe_split: { columns: ['a', 'b'], data: [[1]] } },
      signature,
      /dataframe_split\.data\[0\] has 1 values/,
    ],
    ['records for a model without names', { dataframe_records: [{ a: 1, b: 2 }] }, unnamed, /have no order/],
    [
      'records with different keys',
      { dataframe_records: [{ a: 1, b: 2 }, { a: 1 }] },
      signature,
      /dataframe_records\[1\] must have the keys of the first/,
    ],
    ['two formats', { inputs: [1], instances: [1] }, signature, /exactly one of/],
    ['no format', {}, signature, /exactly one of/],
  ];
  for (const [what, body, of, message] of refused)
    it(`${what}: refused`, () => expect(() => invocation(body, of)).to.throw(message));
});

describe('a body of /score', () => {
  it('data are the rows of the only input', () =>
    expect(fromScoreBody({ data: [[1, 2]] }, unnamed)).to.deep.equal({ x: [[1, 2]] }));
  it('the name of the input is kept', () =>
    expect(fromScoreBody({ x: [[1, 2]] }, unnamed)).to.deep.equal({ x: [[1, 2]] }));
  it("Azure ML's Inputs are rows", () =>
    expect(fromScoreBody({ Inputs: { any: [[1, 2]] } }, unnamed)).to.deep.equal({ x: [[1, 2]] }));
});
