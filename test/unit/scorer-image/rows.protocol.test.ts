/** Rows of a model as JSON, and named tensors against its signature. */
import { expect } from 'chai';
import type { ModelSignature } from '@penstock/contract';
import { checkedInputs } from '../../../scorer-image/protocols/inferInputs.ts';
import type { InferRequest } from '../../../scorer-image/protocols/inferRequest.ts';
import { encodeInfer } from '../../../scorer-image/protocols/inferResponse.ts';
import { decodeRows, encodeRows } from '../../../scorer-image/protocols/rows.ts';
import { BadInput } from '../../../scorer-image/tensor/errors.ts';

const signature: ModelSignature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'n', datatype: 'INT64', shape: [] },
  ],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
};
const only = (input: ModelSignature['inputs'][number]): ModelSignature => ({ ...signature, inputs: [input] });
const refusal = (work: () => unknown): string => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    expect(error).to.be.instanceOf(BadInput);
    return (error as Error).message;
  }
};

describe('rows of a request', () => {
  it('are tensors by the signature, in its order', () => {
    const [x, n] = decodeRows({ n: 7n, x: [[1, 2]] }, signature);
    expect([x!.name, x!.shape, [...(x!.data as Float32Array)]]).to.deep.equal(['x', [1, 2], [1, 2]]);
    expect([n!.name, n!.shape, [...(n!.data as BigInt64Array)]]).to.deep.equal(['n', [], [7n]]);
  });

  const rows: [string, unknown, string][] = [
    ['a list', [1], 'the body must be a JSON object'],
    ['null', null, 'the body must be a JSON object'],
    ['an unknown input', { x: [[1, 2]], n: 1, y: 1 }, 'unknown input y'],
    ['a missing input', { x: [[1, 2]] }, 'input n is missing'],
    ['an inherited name', { x: [[1, 2]], toString: 1 }, 'unknown input toString'],
    ['an input that is no list', { x: 1, n: 1 }, 'input x is not a list'],
    ['a row that is too short', { x: [[1]], n: 1 }, 'input x has the shape [1,1]'],
    ['rows of different lengths', { x: [[1, 2], [1]], n: 1 }, 'input x[1] has 1 values, the first has 2'],
    ['a row that is no list', { x: [[1, 2], 3], n: 1 }, 'input x[1] is not a list'],
    ['a level too many', { x: [[[1, 2]]], n: 1 }, 'input x has the shape [1,1,2]'],
    ['a text in place of a number', { x: [[1, 'a']], n: 1 }, 'input x has "a" at place 1, which is'],
  ];
  for (const [what, body, message] of rows)
    it(`are refused for ${what}`, () => expect(refusal(() => decodeRows(body, signature))).to.contain(message));

  it('with a text that ONNX Runtime would change are refused', () => {
    const texts = only({ name: 't', datatype: 'BYTES', shape: [-1] });
    expect(decodeRows({ t: ['ä'] }, texts)[0]!.data).to.deep.equal(['ä']);
    for (const text of ['a\0b', '\ud800'])
      expect(refusal(() => decodeRows({ t: ['ok', text] }, texts))).to.contain('input t has a text at place 1');
  });

  it('name the expected form in the error', () =>
    expect(refusal(() => decodeRows(1, only(signature.inputs[0]!)))).to.equal(
      'the body must be a JSON object: expected {"data": rows} with x: FP32[-1,2]',
    ));
});

describe('rows of a response', () => {
  const label = { name: 'label', datatype: 'INT64', shape: [2], data: new BigInt64Array([0n, 1n]) };

  it('are an object by output, between the given texts', () => {
    expect(encodeRows([label], signature.outputs).body).to.equal('{"label":[0,1]}');
    expect(encodeRows([label], signature.outputs, ['{"predictions":', '}']).body).to.equal(
      '{"predictions":{"label":[0,1]}}',
    );
  });

  it('have the names of the classes, unless these are 0, 1, 2, … or an output is called so', () => {
    const named = (classes: (string | number)[]) => [{ ...signature.outputs[0]!, classes }];
    expect(encodeRows([label], named(['a', 'b'])).body).to.equal('{"label":[0,1],"classes":["a","b"]}');
    expect(encodeRows([label], named([0, 1])).body).to.equal('{"label":[0,1]}');
    expect(encodeRows([label], [...named(['a']), { name: 'classes', datatype: 'INT64', shape: [1] }]).body).to.equal(
      '{"label":[0,1]}',
    );
  });

  it('of more than 65,536 values are sent in chunks of the same text', () => {
    const large = { name: 'y', datatype: 'FP32', shape: [70_000], data: new Float32Array(70_000).fill(1) };
    const { body, chunks } = encodeRows([label, large], signature.outputs, ['<', '>']);
    expect(body).to.equal('');
    expect([...(chunks as Iterable<string>)].join('')).to.equal(
      `<{"label":[0,1],"y":[${Array(70_000).fill(1).join(',')}]}>`,
    );
  });
});

describe('the tensors of an infer request', () => {
  const x = { name: 'x', datatype: 'FP32', shape: [1, 2], data: new Float32Array([1, 2]) };
  const n = { name: 'n', datatype: 'INT64', shape: [], data: new BigInt64Array([7n]) };
  const request = (inputs: InferRequest['inputs'], outputs?: string[]): InferRequest => ({
    inputs,
    parameters: {},
    binaryOutput: false,
    ...(outputs && { outputs: outputs.map((name) => ({ name, binary: false, base64: false })) }),
  });

  it('are those of the signature', () =>
    expect(checkedInputs(request([x, n], ['label']), signature).map(({ name }) => name)).to.deep.equal(['x', 'n']));

  it('may have a single number in the shape [1]', () =>
    expect(checkedInputs(request([x, { ...n, shape: [1] }]), signature)[1]!.shape).to.deep.equal([]));

  const rows: [string, InferRequest, string][] = [
    ['another name', request([{ ...x, name: 'z' }, n]), 'inputs[0].name is "z"; the model has x, n'],
    ['another datatype', request([{ ...x, datatype: 'FP64' }, n]), 'inputs[0].datatype is FP64, x is FP32'],
    ['another shape', request([{ ...x, shape: [2] }, n]), 'inputs[0].shape is [2], x is [-1,2]'],
    ['a missing input', request([x]), 'input n is missing'],
    ['an unknown output', request([x, n], ['score']), 'unknown output score; the model has label'],
  ];
  for (const [what, given, message] of rows)
    it(`are refused for ${what}`, () => expect(refusal(() => checkedInputs(given, signature))).to.equal(message));
});

describe('the tensors of an infer response', () => {
  const model = { name: 'iris', version: '1' };
  const y = { name: 'y', datatype: 'FP32', shape: [2], data: new Float32Array([1, 0.5]) };
  const asked = (change: Partial<InferRequest> = {}): InferRequest => ({
    inputs: [],
    parameters: {},
    binaryOutput: false,
    ...change,
  });

  it('are JSON with the id of the request', () =>
    expect(encodeInfer(asked({ id: '7' }), model, [y])).to.deep.equal({
      body: '{"model_name":"iris","model_version":"1","id":"7","outputs":[{"name":"y","datatype":"FP32","shape":[2],"data":[1,0.5]}]}',
    }));

  it('are bytes after the JSON where the client asked for them', () => {
    const { body, jsonBytes } = encodeInfer(asked({ binaryOutput: true }), model, [y]);
    const bytes = Buffer.from(body as Uint8Array);
    expect(JSON.parse(bytes.subarray(0, jsonBytes).toString())).to.deep.include({
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
    });
    expect([bytes.readFloatLE(jsonBytes), bytes.readFloatLE(jsonBytes! + 4)]).to.deep.equal([1, 0.5]);
  });

  it('that are texts have their lengths before them in binary, and base64 in JSON where they are not UTF-8', () => {
    const t = { name: 't', datatype: 'BYTES', shape: [2], data: ['ä', Uint8Array.of(255)] };
    const { body, jsonBytes } = encodeInfer(asked({ binaryOutput: true }), model, [t]);
    expect(Buffer.from(body as Uint8Array).subarray(jsonBytes)).to.deep.equal(
      Buffer.from([2, 0, 0, 0, 0xc3, 0xa4, 1, 0, 0, 0, 255]),
    );
    expect(encodeInfer(asked(), model, [t]).body)
      .to.contain('"content_type":"base64"')
      .and.contain('["w6Q=","/w=="]');
  });

  it('that are FP16 have no JSON form', () =>
    expect(refusal(() => encodeInfer(asked(), model, [{ ...y, datatype: 'FP16', data: new Uint16Array(2) }]))).to.equal(
      'output y is FP16, which has no JSON form; ask for it with binary_data',
    ));
});
