import { expect } from 'chai';
import { applyAll, prune, type Writer } from '../../../../operator/apply/apply.ts';
import { isSubset } from '../../../../operator/apply/isSubset.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { KubeError } from '@penstock/kube/client/errors';
import { service } from '../../../../operator/desired/service.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

describe('isSubset', () => {
  const rows: [string, unknown, unknown, boolean][] = [
    ['the same', { a: 1 }, { a: 1 }, true],
    ['what the server defaulted does not count', { a: 1, b: 'default' }, { a: 1 }, true],
    ['a changed field counts', { a: 2 }, { a: 1 }, false],
    ['a missing field counts', {}, { a: 1 }, false],
    ['a list with one more item counts', { a: [1, 2] }, { a: [1] }, false],
    ['1000m is 1', { cpu: '1' }, { cpu: '1000m' }, true],
    ['700m is 0.7, whatever floating point says', { cpu: '700m' }, { cpu: '0.7' }, true],
    ['512Mi is not 512M', { memory: '512Mi' }, { memory: '512M' }, false],
    ['an empty list that the server drops', {}, { initContainers: [] }, true],
    ['an empty object that the server drops', {}, { resources: {} }, true],
    ['an empty text that the server drops', { name: 'A' }, { name: 'A', value: '' }, true],
    ['a false that was removed counts', {}, { automountServiceAccountToken: false }, false],
    ['inside lists of objects', { c: [{ name: 'x', image: 'y' }] }, { c: [{ name: 'x' }] }, true],
  ];
  for (const [sentence, live, wanted, same] of rows) it(sentence, () => expect(isSubset(live, wanted)).to.equal(same));
});

/** A writer over a map, that remembers what it was asked. */
function writer(live: KubeObject[] = [], hidden: KubeObject[] = []) {
  const objects = new Map(live.map((object) => [object.metadata.name, object]));
  const calls: string[] = [];
  const kube: Writer = {
    cached: ({ metadata }) => objects.get(metadata.name),
    evict: ({ metadata }) => void objects.delete(metadata.name),
    cacheWrite: (object) => void objects.set(object.metadata.name, object),
    client: {
      create: async (object) => {
        calls.push(`create ${object.metadata.name}`);
        if (hidden.some(({ metadata }) => metadata.name === object.metadata.name))
          throw new KubeError(409, 'AlreadyExists', 'exists');
        return object;
      },
      apply: async (object) => (calls.push(`apply ${object.metadata.name}`), object),
      get: async <T extends KubeObject>(_: unknown, __: string, name: string) =>
        hidden.find(({ metadata }) => metadata.name === name) as T,
      remove: async (object) => void calls.push(`remove ${object.metadata.name}`),
      patchMetadata: async <T extends KubeObject>(_: unknown, { name }: KubeObject['metadata']) => (
        calls.push(`patch ${name}`),
        hidden.find(({ metadata }) => metadata.name === name) as T
      ),
    },
  };
  return { kube, calls, objects };
}

describe('applying children', () => {
  const owner = pipeline();
  const wanted = service(owner, 'iris', 'iris-1');
  const foreign = { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [] } };

  it('creates what is missing, and writes nothing the second time', async () => {
    const { kube, calls } = writer();
    await applyAll([[wanted]], owner, kube);
    await applyAll([[wanted]], owner, kube);
    expect(calls).to.deep.equal(['create iris']);
  });
  it('applies a changed child again', async () => {
    const { kube, calls, objects } = writer();
    await applyAll([[wanted]], owner, kube);
    objects.set('iris', { ...objects.get('iris')!, spec: { selector: {} } } as KubeObject);
    await applyAll([[wanted]], owner, kube);
    expect(calls).to.deep.equal(['create iris', 'apply iris']);
  });
  it('applies a changed desired object, also if a field was removed', async () => {
    const { kube, calls } = writer();
    await applyAll([[wanted]], owner, kube);
    const without: KubeObject & { spec: object } = { ...wanted, spec: { selector: wanted.spec!.selector! } };
    await applyAll([[without]], owner, kube);
    expect(calls).to.deep.equal(['create iris', 'apply iris']);
  });
  it('refuses a cached object of another owner, and does not change it', async () => {
    const { kube, calls } = writer([foreign]);
    const error = await applyAll([[wanted]], owner, kube).catch((refused: unknown) => refused);
    expect(error).to.include({ reason: 'ChildNotOwned' });
    expect(calls).to.deep.equal([]);
  });
  it('refuses one that the cache does not show, too', async () => {
    const { kube } = writer([], [foreign]);
    expect(await applyAll([[wanted]], owner, kube).catch((refused: unknown) => refused)).to.include({
      reason: 'ChildNotOwned',
    });
  });
  it('applies its own object after the response to the POST was lost', async () => {
    const { kube, calls } = writer([], [wanted]);
    await applyAll([[wanted]], owner, kube);
    expect(calls).to.deep.equal(['create iris', 'apply iris']);
  });
  it('an immutable object that lost its labels: only its metadata is patched', async () => {
    const frozen = { ...wanted, immutable: true };
    const { kube, calls } = writer([], [{ ...frozen, metadata: { ...frozen.metadata, labels: {} } }]);
    await applyAll([[frozen]], owner, kube);
    expect(calls).to.deep.equal(['create iris', 'patch iris']);
  });
  describe('an immutable ConfigMap with other data', () => {
    const asWanted: KubeObject & { data: object } = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...wanted.metadata, name: 'iris-traffic' },
      data: { 'traffic.json': '{}' },
    };
    const frozen = { ...asWanted, immutable: true, data: { 'traffic.json': '{"keyHashes":["forged"]}' } };
    it('is deleted and made again', async () => {
      const { kube, calls, objects } = writer([frozen]);
      await applyAll([[asWanted]], owner, kube);
      expect(calls).to.deep.equal(['remove iris-traffic', 'create iris-traffic']);
      expect(objects.get('iris-traffic'))
        .to.deep.include({ data: asWanted.data })
        .and.not.to.have.property('immutable');
    });
    it('that the cache does not show is deleted, and not labelled', async () => {
      const { kube, calls } = writer([], [{ ...frozen, metadata: { ...frozen.metadata, labels: {} } }]);
      // this writer's objects never go
      await applyAll([[{ ...asWanted, immutable: true } as KubeObject]], owner, kube).catch(() => undefined);
      expect(calls.slice(0, 2)).to.deep.equal(['create iris-traffic', 'remove iris-traffic']);
    });
    it('of another owner is refused', async () => {
      const { kube, calls } = writer([
        {
          ...frozen,
          metadata: {
            ...frozen.metadata,
            ownerReferences: [{ ...frozen.metadata.ownerReferences![0]!, kind: 'ModelVersion' }],
          },
        },
      ]);
      expect(await applyAll([[asWanted]], owner, kube).catch((refused: unknown) => refused)).to.include({
        reason: 'ChildNotOwned',
      });
      expect(calls).to.deep.equal([]);
    });
  });
  describe('a ConfigMap of another account in the place of a child', () => {
    const table: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...wanted.metadata, name: 'iris-traffic' },
    };
    const foreign = (change: Partial<KubeObject['metadata']> = {}): KubeObject => ({
      ...table,
      metadata: { name: 'iris-traffic', namespace: 'ns', uid: 'foreign', resourceVersion: '9', ...change },
    });
    const serving = { ...owner, status: { observedGeneration: 1, activeRevision: 'iris-0123abcd', conditions: [] } };
    it('of a pipeline that serves is deleted and made again', async () => {
      const { kube, calls } = writer([foreign()]);
      await applyAll([[table]], serving, kube);
      expect(calls).to.deep.equal(['remove iris-traffic', 'create iris-traffic']);
    });
    it('is deleted with its finalizers', async () => {
      const { kube, calls } = writer([foreign({ finalizers: ['a.b/c'] })]);
      await applyAll([[table]], serving, kube);
      expect(calls).to.deep.equal(['remove iris-traffic', 'patch iris-traffic', 'create iris-traffic']);
    });
    it('of a new pipeline is refused, and left as it is', async () => {
      const { kube, calls } = writer([foreign()]);
      expect(await applyAll([[table]], owner, kube).catch((refused: unknown) => refused)).to.include({
        reason: 'ChildNotOwned',
      });
      expect(calls).to.deep.equal([]);
    });
    it('that is no ConfigMap is refused', async () => {
      const { kube } = writer([{ ...foreign(), kind: 'Service' }]);
      expect(
        await applyAll([[{ ...table, kind: 'Service' }]], serving, kube).catch((refused: unknown) => refused),
      ).to.include({ reason: 'ChildNotOwned' });
    });
  });
  it('creates a deleted child again only while the owner exists and is not being deleted', async () => {
    const seen = { ...owner, status: { observedGeneration: 3, conditions: [] } };
    const { kube, calls } = writer([], [{ ...owner, metadata: { ...owner.metadata, deletionTimestamp: 'now' } }]);
    const error = await applyAll([[wanted]], seen, kube).catch((outdated: unknown) => outdated);
    expect(String(error)).to.contain('is gone');
    expect(calls).to.deep.equal([]);
  });
  it('deletes children that are not desired, except those being deleted', async () => {
    const { kube, calls } = writer();
    const dying = { ...wanted, metadata: { ...wanted.metadata, name: 'dying', deletionTimestamp: 'now' } };
    await prune(
      [wanted, dying, { ...wanted, metadata: { ...wanted.metadata, name: 'old' } }],
      ({ metadata }) => metadata.name === 'iris',
      kube,
    );
    expect(calls).to.deep.equal(['remove old']);
  });
});
