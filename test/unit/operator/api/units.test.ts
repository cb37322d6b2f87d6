import { expect } from 'chai';
import { durationMs, quantity } from '../../../../operator/api/units.ts';

describe('durations', () => {
  for (const [text, ms] of Object.entries({
    '5s': 5000,
    '500ms': 500,
    '1m30s': 90_000,
    '2h': 7_200_000,
    '1h0m1s5ms': 3_601_005,
  }))
    it(`${text} is ${ms} ms`, () => expect(durationMs(text)).to.equal(ms));
  for (const text of ['', '5', '5 s', '1d', '-1s', '1.5s'])
    it(`"${text}" is none`, () => expect(() => durationMs(text)).to.throw('not a duration'));
});

describe('quantities', () => {
  for (const [text, value] of Object.entries({ '1': 1, '500m': 0.5, '1Gi': 2 ** 30, '1.5k': 1500, '2M': 2e6 }))
    it(`${text} is ${value}`, () => expect(quantity(text)).to.equal(value));
  it('text that is not a number becomes NaN', () => expect(quantity('much')).to.be.NaN);
});
