import { expect } from 'chai';
import { parseObject } from '@penstock/kube/client/parse';

const fields = [
  { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'k:{"type":"]}"}': { '.': {} }, 'v:"a\\"': {} } } },
  { manager: 'managed]"Fields\\', operation: 'Update', fieldsV1: {} },
];

const ROWS: [what: string, given: unknown, wanted: unknown][] = [
  [
    'an object without them is as it was',
    { metadata: { name: 'a' }, spec: [1, { b: null }] },
    { metadata: { name: 'a' }, spec: [1, { b: null }] },
  ],
  [
    'they are empty, and what stands behind them is there',
    { metadata: { managedFields: fields, name: 'a' }, spec: { b: 1 } },
    { metadata: { managedFields: [], name: 'a' }, spec: { b: 1 } },
  ],
  [
    'of each item of a list',
    { items: [1, 2].map((n) => ({ metadata: { managedFields: fields }, n })) },
    { items: [1, 2].map((n) => ({ metadata: { managedFields: [] }, n })) },
  ],
  ['none at all stay none', { metadata: { managedFields: [] } }, { metadata: { managedFields: [] } }],
  [
    'a text that speaks of them is left alone',
    { data: { 'x.json': JSON.stringify({ metadata: { managedFields: fields } }) } },
    { data: { 'x.json': JSON.stringify({ metadata: { managedFields: fields } }) } },
  ],
];

describe('JSON of the API server', () => {
  for (const [what, given, wanted] of ROWS)
    it(`managedFields: ${what}`, () => expect(parseObject(JSON.stringify(given))).to.deep.equal(wanted));

  it('a name with spaces is read completely', () => {
    expect(parseObject(JSON.stringify({ metadata: { managedFields: fields } }, null, 1))).to.deep.equal({
      metadata: { managedFields: fields },
    });
  });

  it('a text that is torn anywhere throws', () => {
    const text = JSON.stringify({ metadata: { managedFields: fields }, spec: 1 });
    for (let length = 0; length < text.length; length++)
      expect(() => parseObject(text.slice(0, length)), text.slice(0, length)).to.throw(SyntaxError);
  });
});
