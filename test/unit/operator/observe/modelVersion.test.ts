/** What a reconcile of a ModelVersion reads from the caches. */
import { expect } from 'chai';
import { joinKey } from '@penstock/kube/api/keys';
import { ANNOTATION, LABEL } from '../../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import { Cache } from '@penstock/kube/cache/cache';
import {
  deploymentKeys,
  modelVersionKeys,
  ownerKeys,
  pipelineKeys,
  podOwnerKeys,
} from '../../../../operator/caches/indexes.ts';
import { observeModelVersion } from '../../../../operator/observe/modelVersion.ts';
import { modelVersion, NOW, pipeline, stored } from '../../../support/fixtures/objects.ts';

const named = (name: string, uses: string, namespace = 'ns'): InferencePipeline => {
  const one = pipeline({ models: [{ name: 'iris', modelVersion: uses }] });
  return { ...one, metadata: { ...one.metadata, name, namespace, uid: `uid-${name}`, resourceVersion: '1' } };
};
/** A Deployment of a pipeline whose pods have loaded iris-1. */
const loading = (name: string, namespace = 'ns'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: `${name}-1`,
    namespace,
    uid: `uid-${name}-1`,
    resourceVersion: '1',
    labels: { [LABEL.pipeline]: name },
    annotations: { [ANNOTATION.record]: JSON.stringify(stored().record) },
  },
});

async function usersWith({ pipelines = [], deployments = [] }: { pipelines?: object[]; deployments?: object[] }) {
  const caches = {
    modelVersions: new Cache(modelVersionKeys as never),
    jobs: new Cache(ownerKeys),
    pods: new Cache(podOwnerKeys),
    configMapMetadata: new Cache(),
    pipelines: new Cache(pipelineKeys as never),
    deployments: new Cache(deploymentKeys),
  };
  const one = modelVersion();
  caches.modelVersions.put({ ...one, metadata: { ...one.metadata, resourceVersion: '1' } });
  for (const object of pipelines) caches.pipelines.put(object as KubeObject);
  for (const object of deployments) caches.deployments.put(object as KubeObject);
  const seen = await observeModelVersion(joinKey('ns', 'iris-1'), {
    kube: { caches, client: {} } as never,
    now: () => NOW,
  });
  return seen?.users;
}

describe('the users of a ModelVersion', () => {
  it('are the pipelines that name it', async () =>
    expect(await usersWith({ pipelines: [named('a', 'iris-1'), named('b', 'other')] })).to.deep.equal(['a']));
  it('are the pipelines whose pods still load it, too', async () =>
    expect(await usersWith({ pipelines: [named('a', 'other')], deployments: [loading('a')] })).to.deep.equal(['a']));
  it('are no pipelines of other namespaces', async () =>
    expect(
      await usersWith({ pipelines: [named('a', 'iris-1', 'elsewhere')], deployments: [loading('a', 'elsewhere')] }),
    ).to.deep.equal([]));
  it('are named once', async () =>
    expect(await usersWith({ pipelines: [named('a', 'iris-1')], deployments: [loading('a')] })).to.deep.equal(['a']));
});
