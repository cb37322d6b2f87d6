/**
 * Under which words objects are found; what a user writes into one of them never throws, and never reaches another
 * namespace.
 */
import { expect } from 'chai';
import type { Slice } from '../../../../operator/api/endpointSlices.ts';
import { LABEL, ownerIndexKey, indexKey } from '../../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { deploymentKeys, endpointSliceKeys, modelVersionKeys, ownerKeys } from '../../../../operator/caches/indexes.ts';
import { Cache } from '@penstock/kube/cache/cache';
import { modelVersion } from '../../../support/fixtures/objects.ts';

const child = (namespace: string, uid: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'prod-0123abcd',
    namespace,
    uid: `${namespace}-object`,
    resourceVersion: '1',
    labels: { [LABEL.pipeline]: 'prod', [LABEL.role]: 'revision' },
    ownerReferences: [
      { apiVersion: 'penstock.dev/v1alpha1', kind: 'InferencePipeline', name: 'prod', uid, controller: true },
    ],
  },
});

describe('children by their owner', () => {
  it("an object of another namespace that names the owner's uid is not among them", () => {
    const cache = new Cache(ownerKeys);
    for (const namespace of ['zoe', 'bob']) cache.put(child(namespace, 'uid-of-zoe'));
    expect(
      cache
        .byIndex(ownerIndexKey({ name: 'prod', namespace: 'zoe', uid: 'uid-of-zoe' }))
        .map(({ metadata }) => metadata.namespace),
    ).to.deep.equal(['zoe']);
  });
});

describe('the port of an EndpointSlice', () => {
  const slice = (kind: string): Slice => {
    const { metadata } = child('bob', 'u');
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      endpoints: [],
      ports: [{ port: 20_000 }],
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, [LABEL.role]: 'activator' },
        ownerReferences: [{ ...metadata.ownerReferences![0]!, kind }],
      },
    };
  };
  it('counts where a pipeline controls the slice', () =>
    expect(endpointSliceKeys(slice('InferencePipeline'))).to.include(indexKey.port(20_000)));
  it('does not count where a Service does, whose labels are copied to it', () =>
    expect(endpointSliceKeys(slice('Service'))).not.to.include(indexKey.port(20_000)));
});

describe('the ConfigMap of a ModelVersion’s source', () => {
  for (const uri of ['configmap://iris', 'configmap://iris/iris.onnx'])
    it(`${uri} is found by its ConfigMap`, () => {
      const cache = new Cache(modelVersionKeys);
      cache.put(modelVersion({ source: { uri } }));
      expect(cache.byIndex(indexKey.configMap('ns', 'iris'))).to.have.length(1);
    });
});

describe('hostile records of a Deployment', () => {
  const hostile = [
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    '{"models":null}',
    '{"models":[null]}',
    '{"models":[1]}',
    '{"models":[[]]}',
    '{"models":[{}]}',
    '{"models":[{"name":{},"modelVersion":[]}]}',
    '{"models":{"length":1}}',
    '{',
    '['.repeat(100_000),
  ];
  for (const record of hostile) {
    it(`${record.slice(0, 50)} is no record`, () => {
      const deployment = {
        ...child('zoe', 'u'),
        kind: 'Deployment',
        metadata: { ...child('zoe', 'u').metadata, annotations: { 'penstock.dev/record': record } },
      };
      expect(deploymentKeys(deployment)).to.deep.equal([ownerIndexKey({ name: 'prod', namespace: 'zoe', uid: 'u' })]);
    });
  }
  it('an EndpointSlice without ports or endpoints has index keys', () => {
    for (const change of [{}, { ports: null }, { ports: [] }, { ports: [{}] }, { endpoints: null }])
      expect(endpointSliceKeys({ ...child('zoe', 'u'), kind: 'EndpointSlice', ...change } as never)).to.be.an('array');
  });
});
