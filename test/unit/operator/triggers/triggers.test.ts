/** Which changes of an object concern which key. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import { ownerKey, specChanged, usageChanged } from '../../../../operator/triggers/triggers.ts';
import { modelVersion, pipeline, verified } from '../../../support/fixtures/objects.ts';

const changed = (change: object): KubeObject => {
  const object = pipeline();
  return { ...object, metadata: { ...object.metadata, ...change } };
};

const claimed = (namespace: string, contender?: string): KubeObject =>
  ({
    ...pipeline(),
    status: { operator: { namespace, ...(contender !== undefined && { contender: { namespace: contender } }) } },
  }) as KubeObject;

describe('specChanged', () => {
  const rows: [string, KubeObject, KubeObject | undefined, boolean][] = [
    ['a new object', pipeline(), undefined, true],
    ['a new generation', changed({ generation: 4 }), pipeline(), true],
    ['a deletion', changed({ deletionTimestamp: '2026-11-23T12:00:00Z' }), pipeline(), true],
    ['an annotation, as restartedAt', changed({ annotations: { 'penstock.dev/restartedAt': 'x' } }), pipeline(), true],
    ['a status', { ...pipeline(), status: { url: 'x' } } as KubeObject, pipeline(), false],
    ['the first claim, which is its own', claimed('a'), pipeline(), false],
    ['a claim for which another operator contends', claimed('a', 'b'), claimed('a'), true],
    ['a claim of another operator', claimed('b'), claimed('a'), true],
    ['a label', changed({ labels: { a: 'b' } }), pipeline(), false],
  ];
  for (const [what, object, old, expected] of rows)
    it(`${what}: ${expected ? 'yes' : 'no'}`, () => expect(specChanged(object, old)).to.equal(expected));
});

describe('usageChanged', () => {
  const used = (count: number) => modelVersion({}, { ...verified(), usedBy: { count } });
  it('from no user to one: yes', () => expect(usageChanged(used(1), used(0))).to.equal(true));
  it('from one user to two: no', () => expect(usageChanged(used(2), used(1))).to.equal(false));
  it('another digest: yes', () =>
    expect(usageChanged(modelVersion({}, { ...verified(), digest: 'x' }), modelVersion())).to.equal(true));
});

describe('ownerKey', () => {
  const child = (metadata: object) =>
    ({ kind: 'Service', apiVersion: 'v1', metadata: { name: 'x', namespace: 'ns', ...metadata } }) as KubeObject;
  const controller = (kind: string) => [{ apiVersion: '', kind, name: 'iris', uid: 'u', controller: true }];
  const labels = { 'penstock.dev/pipeline': 'rose' };
  const rows: [string, KubeObject, string | undefined][] = [
    ['its controller', child({ ownerReferences: controller('InferencePipeline'), labels }), 'ns/iris'],
    ['its label, when the reference was removed', child({ labels }), 'ns/rose'],
    ['none, when its controller is of another kind', child({ ownerReferences: controller('Job'), labels }), undefined],
    ['none, without reference and label', child({}), undefined],
  ];
  for (const [what, object, key] of rows) it(what, () => expect(ownerKey(object, 'InferencePipeline')).to.equal(key));
});
