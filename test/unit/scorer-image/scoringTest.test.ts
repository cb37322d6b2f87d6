/** What a test request's answer is held against. */
import { expect } from 'chai';
import { mismatch } from '../../../scorer-image/init/scoringTest.ts';

describe('the response to scoring.test', () => {
  const rows: [string, string, string, string | undefined][] = [
    ['the same', '{"label":[0]}', '{"label":[0]}', undefined],
    ['more than expected', '{"label":[0]}', '{"label":[0],"p":[0.9]}', undefined],
    ['numbers a little off', '{"p":[0.9,1000000]}', '{"p":[0.900001,1000001]}', undefined],
    ['almost 0, expected 0', '{"p":[0]}', '{"p":[1e-7]}', undefined],
    [
      'a number too far off',
      '{"p":[0.9]}',
      '{"p":[0.91]}',
      '$.p[0] is 0.91, expected 0.9 (tolerance 0.00001); the whole answer is {"p":[0.91]}',
    ],
    [
      'another label',
      '{"label":["a"]}',
      '{"label":["b"]}',
      '$.label[0] is "b", expected "a"; the whole answer is {"label":["b"]}',
    ],
    ['a row less', '[[1],[2]]', '[[1]]', '$ has 1 values, expected 2; the whole answer is [[1]]'],
    [
      'a field that is not there',
      '{"__proto__":1,"toString":{}}',
      '{}',
      '$.__proto__ is nothing, expected 1; the whole answer is {}',
    ],
    ['no JSON', '1', 'oh', '$ is nothing, expected 1; the whole answer is oh'],
    ['an expectation that is none', '{', '1', 'expect is not JSON'],
  ];
  for (const [sentence, wanted, answer, problem] of rows)
    it(sentence, () => expect(mismatch({ request: '', expect: wanted }, answer)).to.equal(problem));
  it('a tolerance of its own', () =>
    expect(mismatch({ request: '', expect: '0.9', tolerance: '0.1' }, '0.95')).to.equal(undefined));
  it('nothing expected: any answer', () => expect(mismatch({ request: '' }, 'anything')).to.equal(undefined));
});
