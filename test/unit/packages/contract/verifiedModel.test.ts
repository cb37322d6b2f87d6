/** The result of a verification in a termination message. */
import { terminationText, verifiedModel, type VerifiedModel } from '@penstock/contract';
import { expect } from 'chai';

const result: VerifiedModel = {
  digest: `sha256:${'a'.repeat(64)}`,
  sizeBytes: 5,
  signature: {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4], features: ['a', 'b', 'c', 'd'] }],
    outputs: [{ name: 'label', datatype: 'INT64', shape: [-1], classes: [0, 'two'] }],
  },
  rows: 'Independent',
  rowsMessage: 'by the graph',
};
const read = (change: object): VerifiedModel | undefined => verifiedModel(JSON.stringify({ ...result, ...change }));

describe('the result of a verification', () => {
  it('is read with all of its fields', () => expect(read({})).to.deep.equal(result));

  it('is read without signature and rows', () =>
    expect(read({ signature: undefined, rows: undefined, rowsMessage: undefined })).to.deep.equal({
      digest: result.digest,
      sizeBytes: 5,
    }));

  it('has no unknown fields', () => expect(read({ more: 1 })).to.deep.equal(result));

  it('has rows of the three kinds only, and their message only with them', () => {
    expect(read({ rows: 'Maybe' })).not.to.have.any.keys('rows', 'rowsMessage');
    expect(read({ rowsMessage: 1 }))
      .to.include({ rows: 'Independent' })
      .and.not.have.property('rowsMessage');
  });

  const tensor = result.signature!.inputs[0]!;
  const inputs = (change: object): object => ({ signature: { inputs: [{ ...tensor, ...change }], outputs: [] } });
  const rows: [string, object][] = [
    ['another digest', { digest: 'md5:1' }],
    ['no digest', { digest: undefined }],
    ['a negative size', { sizeBytes: -1 }],
    ['a size that is not whole', { sizeBytes: 1.5 }],
    ['a signature that is a list', { signature: [] }],
    ['inputs that are no list', { signature: { inputs: {}, outputs: [] } }],
    ['no outputs', { signature: { inputs: [] } }],
    ['more than a thousand tensors', { signature: { inputs: Array(1001).fill(tensor), outputs: [] } }],
    ['a tensor that is null', { signature: { inputs: [null], outputs: [] } }],
    ['a tensor without a name', inputs({ name: undefined })],
    ['a tensor without a datatype', inputs({ datatype: 1 })],
    ['a shape with a text', inputs({ shape: ['1'] })],
    ['features that are no texts', inputs({ features: [1] })],
    ['classes that are neither texts nor whole numbers', inputs({ classes: [1.5] })],
  ];
  for (const [what, change] of rows) it(`is none with ${what}`, () => expect(read(change)).to.equal(undefined));

  for (const text of [undefined, '', 'null', '[]', '"x"', '{', 'Error: no'])
    it(`is none in ${JSON.stringify(text)}`, () => expect(verifiedModel(text)).to.equal(undefined));
});

describe('the termination message of a verification', () => {
  const tensor = { name: 'x', datatype: 'FP32', shape: [-1, 2] };
  const long: VerifiedModel = {
    digest: `sha256:${'0'.repeat(64)}`,
    sizeBytes: 7,
    signature: { inputs: [{ ...tensor, features: ['a'.repeat(300), 'b'] }], outputs: [tensor] },
    rows: 'Independent',
  };
  const { signature: _, ...short } = long;
  const rows: [string, number, VerifiedModel][] = [
    ['with room for all of it, is the whole result', 4096, long],
    [
      'with less room, is without names of features',
      300,
      { ...long, signature: { inputs: [tensor], outputs: [tensor] } },
    ],
    ['with little room, is without the signature', 150, short],
  ];
  for (const [sentence, maxBytes, expected] of rows)
    it(`${sentence}, and can be read`, () =>
      expect(verifiedModel(terminationText(long, maxBytes))).to.deep.equal(expected));
});
