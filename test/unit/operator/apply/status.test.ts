import { expect } from 'chai';
import { mergePatch } from '../../../../operator/apply/status.ts';

describe('what is written of a status', () => {
  const rows: [string, object, object, object][] = [
    ['nothing when nothing has changed', { a: 1, list: [{ b: 2 }] }, { a: 1, list: [{ b: 2 }] }, {}],
    ['a changed field, and no other', { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    ['null for a field that is gone', { a: 1, b: 2 }, { a: 1 }, { b: null }],
    [
      'inside objects',
      { replicas: { ready: 1, desired: 2 }, limits: { cpu: '1', memory: '1Gi' } },
      { replicas: { ready: 2, desired: 2 }, limits: { cpu: '1' } },
      { replicas: { ready: 2 }, limits: { memory: null } },
    ],
    ['a list as a whole', { list: [1, 2] }, { list: [1, 2, 3] }, { list: [1, 2, 3] }],
    ['everything the first time', {}, { a: 1, b: { c: [] } }, { a: 1, b: { c: [] } }],
  ];
  for (const [what, before, after, patch] of rows)
    it(what, () => expect(mergePatch(Object.freeze(before), after)).to.deep.equal(patch));
});
