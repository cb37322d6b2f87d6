/** The Secret with the keys: whether it outlives its pipeline. */
import { expect } from 'chai';
import { changedOwners, keySecretMeta } from '../../../../operator/desired/keySecret.ts';
import { ownerReference } from '../../../../operator/desired/meta.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

const kept = pipeline();
const dropped = {
  ...kept,
  metadata: { ...kept.metadata, annotations: { 'penstock.dev/deleteKeys': 'true' } },
};
const secret = (ownerReferences: object[], managed = true) =>
  ({
    name: 'iris-keys',
    labels: managed ? { 'app.kubernetes.io/managed-by': 'penstock' } : {},
    ownerReferences,
  }) as Parameters<typeof changedOwners>[1];

describe('the key Secret', () => {
  it('has no owner, so that it outlives its pipeline', () => {
    expect(keySecretMeta(kept)).to.deep.equal({
      name: 'iris-keys',
      namespace: 'ns',
      labels: { 'app.kubernetes.io/managed-by': 'penstock', 'penstock.dev/pipeline': 'iris' },
      ownerReferences: [],
    });
  });

  it('has its pipeline as owner with the annotation deleteKeys', () =>
    expect(keySecretMeta(dropped).ownerReferences).to.deep.equal([ownerReference(kept)]));

  const rows: [string, typeof kept, ReturnType<typeof secret>, object[] | undefined][] = [
    ['as it should be: is left alone', kept, secret([]), undefined],
    ['owned, with the annotation: is left alone', dropped, secret([ownerReference(kept)]), undefined],
    ['owned, without the annotation: gets no owner', kept, secret([ownerReference(kept)]), []],
    ['without owner, with the annotation: gets its pipeline', dropped, secret([]), [ownerReference(kept)]],
    ['of the user: is left alone', dropped, secret([], false), undefined],
  ];
  for (const [what, of, metadata, wanted] of rows)
    it(what, () => expect(changedOwners(of, metadata)).to.deep.equal(wanted));
});
