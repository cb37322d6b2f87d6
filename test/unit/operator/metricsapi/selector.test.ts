/** Label selectors as the autoscaler sends them. */
import { expect } from 'chai';
import { labelSelector } from '../../../../operator/metricsapi/selector.ts';

const LABELS = { 'penstock.dev/pipeline': 'iris', tier: '' };
const ROWS: [text: string, selected: boolean][] = [
  ['', true],
  ['penstock.dev/pipeline=iris', true],
  ['penstock.dev/pipeline==iris,tier=', true],
  ['penstock.dev/pipeline=iris, penstock.dev/revision=iris-1', false],
  ['penstock.dev/pipeline!=iris', false],
  ['team!=vision', true],
  ['tier', true],
  ['!tier', false],
  ['!team', true],
];

describe('a label selector', () => {
  for (const [text, selected] of ROWS)
    it(`${JSON.stringify(text)} ${selected ? 'selects' : 'does not select'} the pod`, () =>
      expect(labelSelector(text)(LABELS)).to.equal(selected));
  for (const text of ['a in (b, c)', 'a=b=c', '!a=b', 'a b'])
    it(`${JSON.stringify(text)} is refused`, () => expect(() => labelSelector(text)).to.throw(/write key=value/));
});
