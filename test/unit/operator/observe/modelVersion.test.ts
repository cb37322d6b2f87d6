/** What a reconcile of a ModelVersion reads from the caches. */
import { expect } from 'chai';
import { ANNOTATION, LABEL } from '../../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipeline, ModelVersion } from '../../../../operator/api/types.gen.ts';
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

const emptyCaches = () => ({
  modelVersions: new Cache(modelVersionKeys as never),
  jobs: new Cache(ownerKeys),
  pods: new Cache(podOwnerKeys),
  configMapMetadata: new Cache(),
  pipelines: new Cache(pipelineKeys as never),
  deployments: new Cache(deploymentKeys),
});

async function usersWith({ pipelines = [], deployments = [] }: { pipelines?: object[]; deployments?: object[] }) {
  const caches = emptyCaches();
  for (const object of pipelines) caches.pipelines.put(object as KubeObject);
  for (const object of deployments) caches.deployments.put(object as KubeObject);
  const seen = await observeModelVersion(modelVersion(), {
    kube: { caches, client: {} } as never,
    now: () => NOW,
  });
  return seen.users;
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

describe('what a ModelVersion waits for', () => {
  interface Others {
    jobs?: KubeObject[];
    modelVersions?: KubeObject[];
    configMaps?: string[];
    lastWarning?: string;
    of?: ModelVersion;
  }
  async function seenWith({
    jobs = [],
    modelVersions = [],
    configMaps = [],
    lastWarning,
    of = modelVersion(),
  }: Others) {
    const caches = emptyCaches();
    for (const job of jobs) caches.jobs.put(job);
    for (const object of modelVersions) caches.modelVersions.put(object);
    for (const name of configMaps)
      caches.configMapMetadata.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'ns', resourceVersion: '1' },
      });
    const client = { lastWarning: () => Promise.resolve(lastWarning) };
    return observeModelVersion(of, { kube: { caches, client } as never, now: () => NOW });
  }
  const other = (namespace: string, change: object = {}): KubeObject => {
    const queued = { type: 'Ready', status: 'False' as const, reason: 'VerificationQueued', message: '' };
    const one = modelVersion({}, { conditions: [{ ...queued, lastTransitionTime: '2026-11-23T12:00:00Z' }] });
    return {
      ...one,
      metadata: { ...one.metadata, namespace, uid: `uid-${namespace}`, resourceVersion: '1', ...change },
    };
  };
  const job = (namespace: string, uid: string, seconds = 10): KubeObject =>
    ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: 'iris-1-verify',
        namespace,
        uid: `job-${namespace}`,
        resourceVersion: '1',
        creationTimestamp: new Date(NOW - seconds * 1000).toISOString(),
        ownerReferences: [{ apiVersion: '', kind: 'ModelVersion', name: 'iris-1', uid, controller: true }],
      },
      status: {},
    }) as KubeObject;

  it('counts the Jobs that ModelVersions control', async () => {
    const { slots } = await seenWith({ modelVersions: [other('b')], jobs: [job('b', 'uid-b')] });
    expect([slots.taken, slots.takenHere]).to.deep.equal([1, 0]);
  });

  it('counts no Job of another owner, and none of an earlier ModelVersion with that name', async () => {
    const { metadata, ...rest } = job('c', 'uid-c');
    const { ownerReferences: _, ...orphan } = metadata;
    const jobs = [job('b', 'uid-of-a-deleted-one'), { ...rest, metadata: orphan }];
    expect((await seenWith({ modelVersions: [other('b'), other('c')], jobs })).slots.taken).to.equal(0);
  });

  it('knows the namespaces of others that wait, without those that are deleted', async () => {
    const deleted = { deletionTimestamp: new Date(NOW).toISOString() };
    const { slots } = await seenWith({ modelVersions: [other('b', deleted)] });
    expect(slots).not.to.have.property('fewestElsewhere');
    expect((await seenWith({ modelVersions: [other('b')] })).slots.fewestElsewhere).to.equal(0);
  });

  it('knows whether its ConfigMap exists; another source always may', async () => {
    const of = modelVersion({ source: { uri: 'configmap://files/model.onnx' } });
    expect((await seenWith({ of })).sourceExists).to.equal(false);
    expect((await seenWith({ of, configMaps: ['files'] })).sourceExists).to.equal(true);
    expect((await seenWith({ of: modelVersion({ source: { uri: 'https://store/m' } }) })).sourceExists).to.equal(true);
  });

  it('reads why its Job has no pod, after a moment', async () => {
    const of = modelVersion();
    const own = (seconds: number) => [job('ns', of.metadata.uid ?? '', seconds)];
    const lastWarning = 'Error creating: pods "iris-1-verify-abcde" is forbidden: exceeded quota';
    expect((await seenWith({ of, jobs: own(10), lastWarning })).refusal).to.contain('exceeded quota');
    expect(await seenWith({ of, jobs: own(1), lastWarning })).not.to.have.property('refusal');
    expect(await seenWith({ of, jobs: own(10) })).not.to.have.property('refusal');
  });
});
