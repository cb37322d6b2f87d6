/** ConfigMaps of revisions that were deleted while their pods run. */
import { expect } from 'chai';
import { Cache } from '@penstock/kube/cache/cache';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { Caches } from '../../../../operator/caches/kube.ts';
import { DeletedRevisions } from '../../../../operator/observe/deletedRevisions.ts';

const object = (kind: string, role = 'revision', version = '1'): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {
    name: 'iris-1',
    namespace: 'ns',
    uid: `${kind}-${version}`,
    resourceVersion: version,
    labels: { 'penstock.dev/role': role },
  },
});

describe('a deleted ConfigMap of a revision', () => {
  function remembered() {
    const caches = { configMaps: new Cache<KubeObject>(), deployments: new Cache<KubeObject>() };
    const revisions = new DeletedRevisions(caches as unknown as Caches);
    return { ...caches, name: () => revisions.get('ns', 'iris-1')?.metadata.name };
  }

  it('is kept while its Deployment exists', () => {
    const { configMaps, deployments, name } = remembered();
    deployments.put(object('Deployment'));
    configMaps.put(object('ConfigMap'));
    expect(name()).to.equal(undefined);
    configMaps.remove('ns/iris-1');
    expect(name()).to.equal('iris-1');
  });

  it('is forgotten when it is restored', () => {
    const { configMaps, deployments, name } = remembered();
    deployments.put(object('Deployment'));
    configMaps.put(object('ConfigMap'));
    configMaps.remove('ns/iris-1');
    configMaps.put(object('ConfigMap', 'revision', '2'));
    expect(name()).to.equal(undefined);
  });

  it('is forgotten when its Deployment is deleted', () => {
    const { configMaps, deployments, name } = remembered();
    deployments.put(object('Deployment'));
    configMaps.put(object('ConfigMap'));
    configMaps.remove('ns/iris-1');
    deployments.remove('ns/iris-1');
    expect(name()).to.equal(undefined);
  });

  it('is not kept without a Deployment, and neither is another ConfigMap', () => {
    const { configMaps, deployments, name } = remembered();
    configMaps.put(object('ConfigMap'));
    configMaps.remove('ns/iris-1');
    expect(name()).to.equal(undefined);
    deployments.put(object('Deployment'));
    configMaps.put(object('ConfigMap', 'traffic', '3'));
    configMaps.remove('ns/iris-1');
    expect(name()).to.equal(undefined);
  });
});
