/** Tensors in a request of the Open Inference Protocol: which are taken, and which are refused with the place. */
import { expect } from 'chai';
import { decodeInfer } from '../../../scorer-image/protocols/inferRequest.ts';

const request = (input: object, more: object = {}) =>
  decodeInfer(
    Buffer.from(
      JSON.stringify({ inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [1], ...input }], ...more }),
    ),
    undefined,
  );

describe('a tensor of an infer request', () => {
  it('of every datatype keeps its values', () => {
    const rows: [datatype: string, data: unknown[], values: unknown[]][] = [
      ['FP32', [1.5], [1.5]],
      ['INT64', [9007199254740992], [9007199254740992n]],
      ['BOOL', [true], [1]],
      ['BYTES', ['ä'], ['ä']],
    ];
    for (const [datatype, data, values] of rows)
      expect([...(request({ datatype, data }).inputs[0]!.data as Iterable<unknown>)], datatype).to.deep.equal(values);
  });

  it('of BYTES in base64 is decoded; text where the bytes are UTF-8', () => {
    const base64 = { datatype: 'BYTES', shape: [2], parameters: { content_type: 'base64' } };
    const data = [Buffer.from('ä').toString('base64'), Buffer.from([255, 0]).toString('base64')];
    const [text, bytes] = request({ ...base64, data }).inputs[0]!.data as [string, Uint8Array];
    expect([text, [...bytes]]).to.deep.equal(['ä', [255, 0]]);
    expect(() => request({ ...base64, data: ['YQ==', 'not base64!'] })).to.throw(
      'inputs[0].data has at place 1 what is not base64',
    );
  });

  it('of another datatype ignores the content type', () =>
    expect([...(request({ parameters: { content_type: 'base64' } }).inputs[0]!.data as Float32Array)]).to.deep.equal([
      1,
    ]));

  const refused: [what: string, input: object, message: string][] = [
    ['without a name', { name: 7 }, 'inputs[0].name must be a string'],
    [
      'of a datatype that is unknown',
      { datatype: 'FP8' },
      'inputs[0].datatype is "FP8", which the protocol does not know',
    ],
    ['of a datatype that is no text', { datatype: 7 }, 'inputs[0].datatype is number'],
    ['with a shape that is no list', { shape: 4 }, 'inputs[0].shape must be a list of whole numbers'],
    ['with a negative dimension', { shape: [-1] }, 'inputs[0].shape must be a list of whole numbers'],
    ['with half a dimension', { shape: [0.5] }, 'inputs[0].shape must be a list of whole numbers'],
    ['with too many dimensions', { shape: Array(33).fill(1) }, 'inputs[0].shape must be a list of whole numbers'],
    ['with more values than can be counted', { shape: [2 ** 40, 2 ** 40] }, 'inputs[0].shape must be a list'],
    ['of FP16 in JSON', { datatype: 'FP16' }, 'inputs[0]: FP16 has no JSON form'],
    ['with data that is no list', { data: 7 }, 'inputs[0].data must be a list'],
    [
      'with a size of binary data that is no number',
      { parameters: { binary_data_size: 'x' } },
      'inputs[0].parameters.binary_data_size must be a whole number',
    ],
    [
      'with more binary data than there is',
      { parameters: { binary_data_size: 4 } },
      'inputs[0].parameters.binary_data_size is 4, 0 bytes are left',
    ],
  ];
  for (const [what, input, message] of refused)
    it(`${what} is refused`, () => expect(() => request(input)).to.throw(message));
});

describe('the outputs that a request wants', () => {
  it('are named, each in its form', () => {
    const outputs = [
      { name: 'a' },
      { name: 'b', parameters: { binary_data: true } },
      { name: 'c', parameters: { content_type: 'base64' } },
    ];
    expect(request({}, { outputs }).outputs).to.deep.equal([
      { name: 'a', binary: false, base64: false },
      { name: 'b', binary: true, base64: false },
      { name: 'c', binary: false, base64: true },
    ]);
  });
  it('are all where none is named', () => {
    expect(request({}, { outputs: [] })).not.to.have.property('outputs');
    expect(request({}, { parameters: { binary_data_output: true } }).binaryOutput).to.equal(true);
  });
  it('of a wrong form are refused', () => {
    for (const [outputs, message] of [
      ['x', 'outputs must be a list of {name}'],
      [[{}], 'outputs[0] must have a name'],
      [[{ name: 'a' }, { name: 'a' }], 'output a is there twice'],
      [Array.from({ length: 1001 }, (_, i) => ({ name: String(i) })), 'there are 1001 outputs; 1000 is the most'],
    ] as const)
      expect(() => request({}, { outputs })).to.throw(message);
  });
});
