/** Which change of an object puts which key into which queue. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cache } from '@penstock/kube/cache/cache';
import type { KubeObject } from '@penstock/kube/api/objects';
import { WorkQueue } from '@penstock/kube/controller/workqueue';
import { endpointSliceKeys, modelVersionKeys, pipelineKeys } from '../../../../operator/caches/indexes.ts';
import type { Caches } from '../../../../operator/caches/kube.ts';
import type { RevisionRecord } from '../../../../operator/api/observed.ts';
import type { InferencePipeline, ModelVersion } from '../../../../operator/api/types.gen.ts';
import { wireActivators, wireModelVersions, wirePipelines } from '../../../../operator/triggers/wiring.ts';
import { modelVersion, pipeline } from '../../../support/fixtures/objects.ts';

const NAMES = [
  'configMaps',
  'configMapMetadata',
  'services',
  'pods',
  'activators',
  'deployments',
  'autoscalers',
  'disruptionBudgets',
  'networkPolicies',
  'jobs',
] as const;

/** All caches with their listeners, and the keys that were added since the last look. */
function wired() {
  const caches = {
    ...Object.fromEntries(NAMES.map((name) => [name, new Cache<KubeObject>()])),
    endpointSlices: new Cache(endpointSliceKeys),
    pipelines: new Cache<InferencePipeline>(pipelineKeys),
    modelVersions: new Cache<ModelVersion>(modelVersionKeys),
  } as unknown as Caches;
  const added: { pipelines: string[]; modelVersions: string[] } = { pipelines: [], modelVersions: [] };
  const queue = (name: keyof typeof added): WorkQueue =>
    Object.assign(new WorkQueue(), { add: (key: string) => void added[name].push(key) });
  const queues = { pipelines: queue('pipelines'), modelVersions: queue('modelVersions') };
  wirePipelines(caches, queues);
  wireModelVersions(caches, queues.modelVersions);
  wireActivators(caches, queues.pipelines, ({ spec }) => spec.scaling?.minReplicas === 0);
  let version = 0;
  const put = (name: keyof Caches, object: object): void => {
    version += 1;
    const metadata = { uid: `uid-${name}`, resourceVersion: String(version), ...(object as KubeObject).metadata };
    (caches[name] as unknown as Cache<KubeObject>).put({
      ...object,
      metadata: { ...metadata, resourceVersion: String(version) },
    } as KubeObject);
  };
  const take = (name: keyof typeof added): string[] => [...new Set(added[name].splice(0))].sort();
  return { caches, put, take };
}

const record = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../golden/stored/record.v1.json'), 'utf8'),
) as RevisionRecord;
const child = (kind: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: {
    name: 'a-child',
    namespace: 'ns',
    ownerReferences: [{ apiVersion: '', kind: 'InferencePipeline', name: 'iris', uid: 'u', controller: true }],
    ...metadata,
  },
});
const labelled = (kind: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'x', namespace: 'ns', labels },
});
const using = (...names: string[]): InferencePipeline =>
  pipeline({ models: names.map((name) => ({ name, modelVersion: name })) });

describe('a change of a pipeline', () => {
  it('queues it and the ModelVersions that it uses', () => {
    const { put, take } = wired();
    put('pipelines', using('a'));
    expect([take('pipelines'), take('modelVersions')]).to.deep.equal([['ns/iris'], ['ns/a']]);
  });

  it('from one ModelVersion to another queues both', () => {
    const { put, take } = wired();
    put('pipelines', using('a'));
    take('modelVersions');
    const changed = using('b');
    put('pipelines', { ...changed, metadata: { ...changed.metadata, generation: 4 } });
    expect(take('modelVersions')).to.deep.equal(['ns/a', 'ns/b']);
  });

  it('of the status queues nothing', () => {
    const { put, take } = wired();
    put('pipelines', using('a'));
    take('pipelines');
    put('pipelines', { ...using('a'), status: { url: 'x' } });
    expect(take('pipelines')).to.deep.equal([]);
  });

  it('that deletes it queues it and its ModelVersions', () => {
    const { caches, put, take } = wired();
    put('pipelines', using('a'));
    take('pipelines');
    take('modelVersions');
    caches.pipelines.remove('ns/iris');
    expect([take('pipelines'), take('modelVersions')]).to.deep.equal([['ns/iris'], ['ns/a']]);
  });
});

describe('a pipeline is queued by', () => {
  for (const [name, kind] of [
    ['configMaps', 'ConfigMap'],
    ['services', 'Service'],
    ['deployments', 'Deployment'],
    ['autoscalers', 'HorizontalPodAutoscaler'],
    ['disruptionBudgets', 'PodDisruptionBudget'],
    ['networkPolicies', 'NetworkPolicy'],
  ] as const)
    it(`its ${kind}`, () => {
      const { put, take } = wired();
      put(name, child(kind));
      expect(take('pipelines')).to.deep.equal(['ns/iris']);
    });

  it('a child whose owner reference was removed', () => {
    const { put, take } = wired();
    put('services', child('Service'));
    take('pipelines');
    put('services', child('Service', { ownerReferences: [] }));
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
  });

  it('its pods', () => {
    const { put, take } = wired();
    put('pods', labelled('Pod', { 'penstock.dev/pipeline': 'iris' }));
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
  });

  it('its ModelVersion, unless only the number of users has changed', () => {
    const { put, take } = wired();
    put('pipelines', using('iris-1'));
    put('modelVersions', modelVersion());
    take('pipelines');
    put('modelVersions', modelVersion({}, { ...modelVersion().status, usedBy: { count: 2 } }));
    expect(take('pipelines')).to.deep.equal([]);
    put('modelVersions', modelVersion({}, { ...modelVersion().status, digest: 'another' }));
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
  });

  it('the ConfigMap of its script', () => {
    const { put, take } = wired();
    put('pipelines', pipeline({ scoring: { scriptFrom: { configMap: { name: 'code' } } } } as never));
    take('pipelines');
    put('configMapMetadata', { ...labelled('ConfigMap', {}), metadata: { name: 'code', namespace: 'ns' } });
    put('configMapMetadata', { ...labelled('ConfigMap', {}), metadata: { name: 'code', namespace: 'other' } });
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
  });

  it('its endpoints, once one is Ready or none is any more', () => {
    const { put, take } = wired();
    const slice = (ready: boolean, address: string) => ({
      ...child('EndpointSlice', {
        labels: { 'penstock.dev/pipeline': 'iris', 'kubernetes.io/service-name': 'iris' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: 'iris', uid: 's', controller: true }],
      }),
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready } }],
    });
    put('endpointSlices', slice(false, '10.0.0.1'));
    take('pipelines');
    put('endpointSlices', slice(true, '10.0.0.1'));
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
    put('endpointSlices', slice(true, '10.0.0.2'));
    expect(take('pipelines')).to.deep.equal([]);
  });
});

describe('a change of the activator’s addresses', () => {
  const activator = (podIP: string) => ({
    ...labelled('Pod', {}),
    status: { podIP, conditions: [{ type: 'Ready', status: 'True' }] },
  });

  it('queues the pipelines that scale to zero', () => {
    const { put, take } = wired();
    put('pipelines', pipeline({ scaling: { minReplicas: 0 } }));
    put('pipelines', { ...pipeline(), metadata: { ...pipeline().metadata, name: 'other', uid: 'other' } });
    take('pipelines');
    put('activators', activator('10.0.0.1'));
    expect(take('pipelines')).to.deep.equal(['ns/iris']);
    put('activators', activator('10.0.0.1'));
    expect(take('pipelines')).to.deep.equal([]);
  });
});

describe('a ModelVersion is queued by', () => {
  const job = (owner: string) =>
    child('Job', {
      ownerReferences: [{ apiVersion: '', kind: 'ModelVersion', name: owner, uid: 'u', controller: true }],
    });
  const queued = (namespace: string, name: string) => {
    const status = { conditions: [{ type: 'Ready', status: 'False', reason: 'VerificationQueued' }] };
    const object = modelVersion({}, status as never);
    return { ...object, metadata: { ...object.metadata, namespace, name, uid: `${namespace}-${name}` } };
  };

  it('its own change, and not its deletion', () => {
    const { caches, put, take } = wired();
    put('modelVersions', modelVersion());
    expect(take('modelVersions')).to.deep.equal(['ns/iris-1']);
    caches.modelVersions.remove('ns/iris-1');
    expect(take('modelVersions')).to.deep.equal([]);
  });

  it('its Job', () => {
    const { put, take } = wired();
    put('jobs', job('iris-1'));
    expect(take('modelVersions')).to.deep.equal(['ns/iris-1']);
  });

  it('any Job, if it waits for a slot: the oldest of each namespace', () => {
    const { put, take } = wired();
    for (const [namespace, name] of [
      ['ns', 'first'],
      ['ns', 'second'],
      ['other', 'third'],
    ] as const)
      put('modelVersions', queued(namespace, name));
    take('modelVersions');
    put('jobs', job('iris-1'));
    expect(take('modelVersions')).to.deep.equal(['ns/first', 'ns/iris-1', 'other/third']);
  });

  it('a Deployment that loads it, and one that does so no more', () => {
    const { put, take } = wired();
    const loading = (...names: string[]) =>
      child('Deployment', {
        annotations: {
          'penstock.dev/record': JSON.stringify({
            ...record,
            models: names.map((modelVersion) => ({ ...record.models[0], modelVersion })),
          }),
        },
      });
    put('deployments', loading('a'));
    expect(take('modelVersions')).to.deep.equal(['ns/a']);
    put('deployments', loading('a'));
    expect(take('modelVersions')).to.deep.equal([]);
    put('deployments', loading('b'));
    expect(take('modelVersions')).to.deep.equal(['ns/a', 'ns/b']);
  });

  it('the ConfigMap of its source', () => {
    const { put, take } = wired();
    put('modelVersions', modelVersion({ source: { uri: 'configmap://iris-model' } }));
    take('modelVersions');
    put('configMapMetadata', { ...labelled('ConfigMap', {}), metadata: { name: 'iris-model', namespace: 'ns' } });
    expect(take('modelVersions')).to.deep.equal(['ns/iris-1']);
  });
});
