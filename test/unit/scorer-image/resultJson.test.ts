/** The result of run() as JSON. */
import { expect } from 'chai';
import { resultJson } from '../../../scorer-image/script/resultJson.ts';

describe('the result of run() as JSON', () => {
  const deep = (levels: number, value: unknown): unknown => (levels === 0 ? value : [deep(levels - 1, value)]);
  const rows: [what: string, value: unknown, text: string][] = [
    ['text, number, null and nothing', ['a', 1.5, null, undefined], '["a",1.5,null,null]'],
    ['undefined', undefined, 'null'],
    ['a function', () => 1, 'null'],
    ['a toJSON() that returns nothing', { toJSON: () => undefined }, 'null'],
    ['a typed array', new Float32Array([1, 0.5]), '[1,0.5]'],
    ['a typed array in a list', [new Int8Array([1, -2])], '[[1,-2]]'],
    ['a typed array in an object in a list', [{ a: new Uint8Array([1]) }], '[{"a":[1]}]'],
    ['a Buffer, which has a toJSON() of its own', { a: Buffer.from([1, 2]) }, '{"a":[1,2]}'],
    [
      '64-bit integers',
      [9007199254740993n, new BigInt64Array([-9223372036854775808n])],
      '[9007199254740993,[-9223372036854775808]]',
    ],
    ['a bigint in an object', { a: 2n ** 64n }, '{"a":18446744073709551616}'],
    ['a date', [new Date(0)], '["1970-01-01T00:00:00.000Z"]'],
    ['a view of bytes without elements', { a: new DataView(new ArrayBuffer(2)) }, '{"a":{}}'],
    ['a typed array far inside', deep(70, new Uint8Array([7])), `${'['.repeat(70)}[7]${']'.repeat(70)}`],
    ['numbers that JSON does not have', [NaN, Infinity], '[null,null]'],
  ];
  for (const [what, value, text] of rows) it(what, () => expect(resultJson(value)).to.equal(text));

  it('a circular value is an error, as for JSON.stringify', () => {
    const circular: unknown[] = [];
    circular.push(circular);
    expect(() => resultJson(circular)).to.throw(TypeError);
  });
});
