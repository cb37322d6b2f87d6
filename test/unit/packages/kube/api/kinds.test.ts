/** Kinds, paths, keys and statuses of the Kubernetes API. */
import { joinKey, objectKey, splitKey } from '@penstock/kube/api/keys';
import { apiPath, BUILT_IN, findKind, kind } from '@penstock/kube/api/kinds';
import { controllerOf, type KubeObject } from '@penstock/kube/api/objects';
import { hasStatus, ignoreNotFound } from '@penstock/kube/api/status';
import { KubeError } from '@penstock/kube/client/errors';
import { expect } from 'chai';

describe('the path of', () => {
  const { pod, deployment } = BUILT_IN;
  const rows: [string, string, string][] = [
    ['a core kind in all namespaces', apiPath(pod), '/api/v1/pods'],
    ['a core kind in a namespace', apiPath(pod, 'ns'), '/api/v1/namespaces/ns/pods'],
    ['an object of a group', apiPath(deployment, 'ns', 'a'), '/apis/apps/v1/namespaces/ns/deployments/a'],
    ['a subresource', apiPath(deployment, 'ns', 'a', 'scale'), '/apis/apps/v1/namespaces/ns/deployments/a/scale'],
    ['an object without a namespace', apiPath(kind('v1', 'Node', 'nodes'), '', 'a'), '/api/v1/nodes/a'],
  ];
  for (const [what, path, expected] of rows) it(what, () => expect(path).to.equal(expected));
});

describe('the kind of an object', () => {
  const object = (apiVersion: string, name: string): KubeObject => ({
    apiVersion,
    kind: name,
    metadata: { name: 'a' },
  });

  it('is found by apiVersion and kind', () =>
    expect(findKind(Object.values(BUILT_IN), object('apps/v1', 'Deployment'))).to.equal(BUILT_IN.deployment));

  it('of another version or group is unknown', () => {
    for (const apiVersion of ['apps/v2', 'v1'])
      expect(() => findKind(Object.values(BUILT_IN), object(apiVersion, 'Deployment'))).to.throw(
        `unknown kind ${apiVersion} Deployment`,
      );
  });
});

describe('the key of an object', () => {
  it('is its namespace and name', () => {
    expect(objectKey({ metadata: { namespace: 'ns', name: 'a' } })).to.equal('ns/a');
    expect(objectKey({ metadata: { name: 'a' } })).to.equal('/a');
    expect(splitKey(joinKey('ns', 'a'))).to.deep.equal({ namespace: 'ns', name: 'a' });
  });
});

describe('the controller of an object', () => {
  const reference = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'u' };
  const owned = (ownerReferences?: KubeObject['metadata']['ownerReferences']): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', ...(ownerReferences && { ownerReferences }) },
  });

  it('is the reference with controller: true', () =>
    expect(controllerOf(owned([reference, { ...reference, uid: 'c', controller: true }]))?.uid).to.equal('c'));

  it('is undefined without one', () => {
    expect(controllerOf(owned())).to.equal(undefined);
    expect(controllerOf(owned([reference, { ...reference, controller: false }]))).to.equal(undefined);
  });
});

describe('the status of an error', () => {
  const conflict = new KubeError(409, 'Conflict', '');

  it('is one of those asked for, or not', () => {
    expect([hasStatus(conflict, 409), hasStatus(conflict, 404, 409), hasStatus(conflict, 404)]).to.deep.equal([
      true,
      true,
      false,
    ]);
    for (const other of [undefined, new Error('no'), { code: '409' }]) expect(hasStatus(other, 409)).to.equal(false);
  });

  it('404 is ignored, any other error is thrown', () => {
    expect(ignoreNotFound(new KubeError(404, 'NotFound', ''))).to.equal(undefined);
    expect(() => ignoreNotFound(conflict)).to.throw(KubeError);
    expect(() => ignoreNotFound(new Error('no'))).to.throw('no');
  });
});
