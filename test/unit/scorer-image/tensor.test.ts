/** Values that fit a tensor, and sentences about those that do not. */
import { expect } from 'chai';
import { BadInput } from '../../../scorer-image/tensor/errors.ts';
import { exactJson, plainJson } from '../../../scorer-image/tensor/json.ts';
import { clientTensor } from '../../../scorer-image/protocols/clientTensor.ts';
import { tensorOf, type ScriptTensorData, type Tensor } from '../../../scorer-image/tensor/tensor.ts';
import {
  flatJson,
  flatPieces,
  nestedJson,
  nestedPieces,
  SLICE_VALUES,
} from '../../../scorer-image/tensor/tensorJson.ts';

const json = (text: string): unknown => exactJson(Buffer.from(text), () => true);

describe('tensors', () => {
  const good: [string, string, number[], string, string][] = [
    ['nested as the shape', 'FP32', [2, 2], '[[1,2],[3,4.5]]', '[1,2,3,4.5]'],
    ['nested, the last dimension one', 'FP32', [2, 1], '[[1],[2]]', '[1,2]'],
    ['nested, all dimensions one', 'FP32', [1, 1, 1], '[[[1]]]', '[1]'],
    ['flat', 'FP64', [2, 2], '[1,2,3,1e-300]', '[1,2,3,1e-300]'],
    [
      '64 bits are exact beyond 2^53',
      'INT64',
      [3],
      '[9007199254740993,9223372036854775807,-9223372036854775808]',
      '[9007199254740993,9223372036854775807,-9223372036854775808]',
    ],
    ['and unsigned ones', 'UINT64', [1], '[18446744073709551615]', '[18446744073709551615]'],
    ['truth as words or digits', 'BOOL', [4], '[true,false,1,0]', '[true,false,true,false]'],
    ['texts', 'BYTES', [2], '["a","ü"]', '["a","ü"]'],
    ['the edges of a byte', 'INT8', [2], '[-128,127]', '[-128,127]'],
    ['nothing at all', 'FP32', [0, 4], '[]', '[]'],
    ['a missing value, and back', 'FP32', [2], '[null,1]', '[null,1]'],
    ['true and false as 1 and 0', 'FP32', [2], '[true,false]', '[1,0]'],
    ['true and false as 1 and 0', 'INT64', [2], '[true,false]', '[1,0]'],
    [
      'a whole number of any length beside 64-bit integers',
      'FP64',
      [1],
      '[1700000000000000000]',
      '[1700000000000000000]',
    ],
    ['the last levels in one list', 'FP32', [2, 2, 2], '[[1,2,3,4],[5,6,7,8]]', '[1,2,3,4,5,6,7,8]'],
    ['a single number', 'FP32', [], '[7]', '[7]'],
  ];
  for (const [sentence, datatype, shape, data, printed] of good) {
    it(`${datatype}: ${sentence}`, () =>
      expect(flatJson(tensorOf('x', datatype, shape, json(data) as ScriptTensorData))).to.equal(printed));
  }
  const bad: [string, string, number[], string, string][] = [
    ['too few', 'FP32', [1, 4], '[1,2,3]', 'x has 3 values, shape [1,4] needs 4'],
    ['a text', 'FP32', [2], '[1,"a"]', 'x has "a" at place 1, which is not FP32'],
    ['nothing', 'INT64', [1], '[null]', 'x has null at place 0, which is not INT64'],
    ['rows of unequal length', 'FP32', [2, 3], '[[1,2],[3,4,5,6]]', 'x[0] has 2 values, shape [2,3] has 3 there'],
    ['rows of unequal length', 'INT64', [2, 3], '[[1,2,3],[4,5]]', 'x[1] has 2 values, shape [2,3] has 3 there'],
    [
      'rows of unequal length, deeper',
      'FP32',
      [2, 2, 2],
      '[[[1,2],[3,4]],[[5,6],[7]]]',
      'x[1][1] has 1 values, shape [2,2,2] has 2 there',
    ],
    ['lists nested as another shape', 'FP32', [2, 3], '[[1,2],[3,4],[5,6]]', 'x has 3 values, shape [2,3] has 2 there'],
    ['a number among rows', 'FP32', [2, 2], '[[1,2],3]', 'x[1] is not a list, the first of its row is'],
    ['an object', 'FP32', [1], '[{"a":1}]', 'x has an object at place 0, which is not FP32'],
    ['a list too deep', 'FP32', [2], '[[1],[2]]', 'x has a list at place 0, which is not FP32'],
    ['more than a float', 'FP32', [1], '[1e39]', 'x has 1e+39 at place 0, which is not FP32'],
    ['more than a byte', 'INT8', [1], '[128]', 'x has 128 at place 0, which is not INT8'],
    ['less than nothing', 'UINT8', [1], '[-1]', 'x has -1 at place 0, which is not UINT8'],
    ['half', 'INT32', [1], '[0.5]', 'x has 0.5 at place 0, which is not INT32'],
    [
      'more than 64 bits',
      'INT64',
      [1],
      '[9223372036854775808]',
      'x has 9223372036854775808 at place 0, which is not INT64',
    ],
    ['two', 'BOOL', [1], '[2]', 'x has 2 at place 0, which is not BOOL'],
    ['a number', 'BYTES', [1], '[2]', 'x has 2 at place 0, which is not BYTES'],
    ['an unknown type', 'FP8', [1], '[2]', 'x has the unknown datatype FP8'],
  ];
  for (const [sentence, datatype, shape, data, message] of bad)
    it(`${datatype} refuses ${sentence}`, () =>
      expect(() => tensorOf('x', datatype, shape, json(data) as ScriptTensorData)).to.throw(message));

  it('is printed nested by its shape, NaN and infinities as null', () => {
    expect(nestedJson({ datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, NaN, -Infinity, 2) })).to.equal(
      '[[1,null],[null,2]]',
    );
    expect(nestedJson({ datatype: 'FP32', shape: [], data: Float32Array.of(7) })).to.equal('7');
  });
  const typed: [string, string, ScriptTensorData, string][] = [
    ['of the same type', 'FP32', Float32Array.of(1, 2), '[1,2]'],
    ['of another type, converted', 'FP32', Float64Array.of(1.5, 2), '[1.5,2]'],
    ['64-bit integers for floats', 'FP64', BigInt64Array.of(3n, 4n), '[3,4]'],
    ['floats for 64-bit integers', 'INT64', Float64Array.of(3, 4), '[3,4]'],
  ];
  for (const [sentence, datatype, data, printed] of typed)
    it(`a typed array ${sentence}`, () => expect(flatJson(tensorOf('x', datatype, [2], data))).to.equal(printed));
  it('NaN and infinities: a script may return them, a client may not send them', () => {
    expect([...tensorOf('x', 'FP32', [2], [NaN, Infinity]).data]).to.deep.equal([NaN, Infinity]);
    expect(() => clientTensor('x', 'FP64', [1], json('[1e400]') as ScriptTensorData)).to.throw(
      BadInput,
      'x has a number at place 0 that is too large for FP64',
    );
  });
  const strange: [string, string, unknown, string][] = [
    ['an unknown datatype', 'FLOAT', Float32Array.of(1, 2), 'unknown datatype FLOAT'],
    ['a DataView', 'FP32', new DataView(new ArrayBuffer(8)), 'x is a DataView'],
    ['a hole', 'FP32', [1, undefined], 'x has undefined at place 1'],
    ['a truth of 7', 'BOOL', Uint8Array.of(1, 7), 'x has 7 at place 1'],
    ['bytes for two texts', 'BYTES', new Uint8Array(3), 'x has 1 values, shape [2] needs 2'],
  ];
  for (const [sentence, datatype, data, message] of strange)
    it(`refuses ${sentence} from a script`, () =>
      expect(() => tensorOf('x', datatype, [2], data as ScriptTensorData)).to.throw(message));
  it('minus zero keeps its sign', () =>
    expect(flatJson(tensorOf('x', 'FP32', [2], Float32Array.of(-0, 0)))).to.equal('[-0,0]'));
  it('a typed array whose numbers do not fit is refused', () =>
    expect(() => tensorOf('x', 'INT32', [1], Float64Array.of(0.5))).to.throw('x has 0.5 at place 0'));

  const shapes = [
    [],
    [0],
    [0, 3],
    [3, 0],
    [5],
    [2, 3],
    [2, 1, 3],
    [3, SLICE_VALUES + 7],
    [2 * SLICE_VALUES + 3],
    [2, 2, SLICE_VALUES],
  ];
  for (const shape of shapes) {
    it(`[${shape.join()}] in slices is [${shape.join()}] in one piece`, () => {
      const tensor: Tensor = {
        datatype: 'FP32',
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 97),
      };
      expect([...nestedPieces(tensor)].join('') === nestedJson(tensor)).to.equal(true);
      expect([...flatPieces(tensor)].join('') === flatJson(tensor)).to.equal(true);
      for (const piece of nestedPieces(tensor)) expect(piece.length).to.be.below(8 * SLICE_VALUES);
    });
  }

  it('a whole number of a million digits is refused before it is parsed', () =>
    expect(() => json(`[${'9'.repeat(1_000_000)}]`)).to.throw(BadInput, 'more than 400 digits'));
  it('many digits in a text or behind a decimal point are taken', () => {
    const [text, fraction] = ['9'.repeat(500), `0.${'1'.repeat(500)}`];
    expect(json(`["${text}", ${fraction}]`)).to.deep.equal([text, Number(fraction)]);
  });
  it('a body that is not JSON, not UTF-8 or empty: the message says so', () => {
    for (const [body, message] of [
      ['{"a":', 'the body is not JSON'],
      ['', 'the body is empty'],
      ['{"data": [[1, NaN]]}', 'write null for a missing value'],
      ['[-Infinity]', 'it holds -Infinity'],
    ] as const)
      expect(() => json(body)).to.throw(BadInput, message);
    expect(() => plainJson(new Uint8Array([0xff]))).to.throw(BadInput, 'Input cannot be decoded as UTF-8');
    expect(() => plainJson(Buffer.from(`[${'{},'.repeat(1_000_001)}1]`))).to.throw(
      BadInput,
      'more than 1000000 lists and objects',
    );
  });
});
