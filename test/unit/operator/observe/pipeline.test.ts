/** All reads of a pipeline's reconcile. */
import { expect } from 'chai';
import { Cache, type Index } from '@penstock/kube/cache/cache';
import { KubeError } from '@penstock/kube/client/errors';
import type { KubeObject } from '@penstock/kube/api/objects';
import { keyHash } from '@penstock/server/auth';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import { deploymentKeys, endpointSliceKeys, ownerKeys, podOwnerKeys } from '../../../../operator/caches/indexes.ts';
import type { ObserveDeps } from '../../../../operator/observe/deps.ts';
import { forgetPipeline, observePipeline } from '../../../../operator/observe/pipeline.ts';
import { names } from '../../../../operator/desired/names.ts';
import { modelVersion, NOW, pipeline } from '../../../support/fixtures/objects.ts';

const CHILDREN = ['configMaps', 'services', 'autoscalers', 'disruptionBudgets', 'networkPolicies'] as const;

function world(change: Partial<ObserveDeps> = {}) {
  const caches = {
    ...Object.fromEntries(CHILDREN.map((name) => [name, new Cache<KubeObject>(ownerKeys)])),
    deployments: new Cache(deploymentKeys),
    endpointSlices: new Cache(endpointSliceKeys as Index<KubeObject>),
    pods: new Cache<KubeObject>(podOwnerKeys),
    activators: new Cache<KubeObject>(),
    modelVersions: new Cache<KubeObject>(),
    configMapMetadata: new Cache<KubeObject>(),
  };
  const forgotten: string[] = [];
  const forget = (memory: string) => (key: string) => void forgotten.push(`${memory} ${key}`);
  const deps = {
    kube: { caches, client: {} },
    config: { python: {} },
    keys: { read: () => Promise.resolve(undefined), forget: forget('keys') },
    scripts: { script: () => Promise.resolve({ problem: 'no file' }), forget: forget('scripts') },
    deletedRevisions: { get: () => undefined },
    ports: { port: () => 20_000, forget: forget('ports') },
    scorers: { idleness: () => Promise.resolve({ seconds: 0 }), warning: () => undefined },
    noConcurrency: () => undefined,
    now: () => NOW,
    ...change,
  } as unknown as ObserveDeps;
  let version = 0;
  const put = (name: keyof typeof caches | (typeof CHILDREN)[number], metadata: object, more: object = {}): void => {
    version += 1;
    (caches as unknown as Record<string, Cache<KubeObject>>)[name]!.put({
      apiVersion: 'v1',
      kind: name,
      metadata: { namespace: 'ns', uid: `uid-${version}`, resourceVersion: String(version), ...metadata },
      ...more,
    } as KubeObject);
  };
  return { put, forgotten, deps, observe: (one: InferencePipeline = pipeline()) => observePipeline(one, deps) };
}

const owned = {
  ownerReferences: [{ apiVersion: '', kind: 'InferencePipeline', name: 'iris', uid: 'uid-pipeline', controller: true }],
};
const labelled = { labels: { 'penstock.dev/pipeline': 'iris' } };
const namesOf = (objects: KubeObject[]): string[] => objects.map(({ metadata }) => metadata.name).sort();

describe('the children of a pipeline', () => {
  it('are those that it controls, and labelled ones with a child’s name that lost their owner', async () => {
    const { put, observe } = world();
    put('services', { name: 'iris', ...owned });
    put('configMaps', { name: names.traffic('iris'), ...labelled });
    put('deployments', { name: 'iris-0a1b2c3d', ...labelled });
    const { children, orphans } = await observe();
    expect(namesOf(children)).to.deep.equal(['iris', 'iris-0a1b2c3d', 'iris-traffic']);
    expect(namesOf(orphans)).to.deep.equal(['iris-0a1b2c3d', 'iris-traffic']);
  });

  it('are no objects of others: another name, another namespace, another owner', async () => {
    const { put, observe } = world();
    put('configMaps', { name: 'notes-of-a-user', ...labelled });
    put('services', { name: 'iris-extra', ...labelled });
    put('services', { name: 'iris', namespace: 'other', ...owned });
    put('deployments', {
      name: 'iris-0a1b2c3d',
      ...labelled,
      ownerReferences: [{ ...owned.ownerReferences[0], uid: 'of-another' }],
    });
    const { children, orphans } = await observe();
    expect([namesOf(children), namesOf(orphans)]).to.deep.equal([[], []]);
  });
});

describe('what a pipeline uses', () => {
  it('are the ModelVersions of its namespace', async () => {
    const { put, observe } = world();
    put('modelVersions', { ...modelVersion().metadata, resourceVersion: '5' });
    put('modelVersions', { name: 'iris-1', namespace: 'other' });
    expect(Object.keys((await observe()).modelVersions)).to.deep.equal(['iris-1']);
    expect((await observe(pipeline({ models: [{ name: 'a', modelVersion: 'absent' }] }))).modelVersions).to.deep.equal(
      {},
    );
  });

  it('is its script, or the reason why there is none', async () => {
    const { observe } = world();
    expect((await observe(pipeline({ scoring: { script: 'x' } }))).script?.files).to.deep.equal({ 'score.ts': 'x' });
    const from = pipeline({ scoring: { scriptFrom: { configMap: { name: 'code' } } } } as never);
    expect((await observe(from)).scriptProblem).to.equal('no file');
    expect(await observe()).not.to.have.any.keys('script', 'scriptProblem');
  });
});

describe('the cache of packages', () => {
  const locked = pipeline({
    scoring: { scriptFrom: { configMap: { name: 'code', key: 'score.py' } } },
    environment: { packages: { python: { requirements: 'x==1' } } },
  });
  const claims = (
    cacheClaim: string | undefined,
    get: (kind: { kind: string }, ...name: string[]) => Promise<unknown>,
  ) =>
    world({
      config: { python: { cacheClaim } },
      scripts: { script: () => Promise.resolve({ script: { entry: 'score.py', files: {} } }), forget: () => undefined },
      kube: { ...world().deps.kube, client: { get } },
    } as never);

  it('is there where the namespace has the claim of the chart', async () => {
    const asked: string[][] = [];
    const { observe } = claims('packages', ({ kind }, ...name) => {
      asked.push([kind, ...name]);
      return Promise.resolve({ metadata: {} });
    });
    expect((await observe(locked)).packageCache).to.equal(true);
    expect((await observe()).packageCache, 'of a pipeline without packages').to.equal(false);
    expect(asked).to.deep.equal([['PersistentVolumeClaim', 'ns', 'packages']]);
  });

  it('is not there where the namespace has no such claim', async () => {
    const { observe } = claims('packages', () => Promise.reject(new KubeError(404, 'NotFound', 'no claim')));
    expect((await observe(locked)).packageCache).to.equal(false);
  });

  it('is not there while the claim is being deleted, or has lost its volume', async () => {
    for (const claim of [{ metadata: { deletionTimestamp: 'x' } }, { metadata: {}, status: { phase: 'Lost' } }]) {
      const { observe } = claims('packages', () => Promise.resolve(claim));
      expect((await observe(locked)).packageCache).to.equal(false);
    }
  });

  it('is not looked for where the chart names no claim', async () => {
    const { observe } = claims(undefined, () => Promise.reject(new Error('not expected')));
    expect((await observe(locked)).packageCache).to.equal(false);
  });

  it('is not decided by an answer that is an error', async () => {
    const { observe } = claims('packages', () => Promise.reject(new KubeError(403, 'Forbidden', 'no right')));
    expect(await observe(locked).catch((error: unknown) => (error as Error).message)).to.equal('no right');
  });
});

describe('the accepted keys', () => {
  const locked = (status?: InferencePipeline['status']) => pipeline({ endpoint: { auth: { mode: 'Key' } } }, status);
  const keys = (hashes: string[], weak: string[] = []) =>
    ({
      keys: { read: () => Promise.resolve({ hashes, weak, problem: 'a weak key' }), forget: () => undefined },
    }) as never;
  const table = (...hashes: string[]) => ({
    data: { 'traffic.json': JSON.stringify({ revisions: {}, keyHashes: hashes.map((key) => keyHash(key)) }) },
  });

  it('are those of the Secret', async () => {
    const { observe } = world(keys(['a']));
    expect(await observe(locked()))
      .to.include({ keyProblem: 'a weak key' })
      .and.deep.include({ keyHashes: ['a'] });
  });

  it('are not known while there is no Secret', async () =>
    expect((await world().observe(locked())).keyHashes).to.equal(undefined));

  it('have a weak key only if it is accepted already', async () => {
    const { put, observe } = world(keys(['a'], [keyHash('weak'), keyHash('new')]));
    put('configMaps', { name: names.traffic('iris'), ...owned }, table('weak'));
    expect((await observe(locked())).keyHashes).to.deep.equal(['a', keyHash('weak')]);
  });

  it('have a weak key of a pipeline that serves, if the traffic table was deleted', async () => {
    const { observe } = world(keys(['a'], ['w']));
    expect((await observe(locked({ activeRevision: 'iris-1' }))).keyHashes).to.deep.equal(['a', 'w']);
    expect((await observe(locked())).keyHashes).to.deep.equal(['a']);
  });

  it('are those of the traffic table without authentication', async () => {
    const { put, observe } = world();
    put('configMaps', { name: names.traffic('iris'), ...owned }, table('a'));
    expect((await observe()).keyHashes).to.deep.equal([keyHash('a')]);
  });
});

describe('revisions', () => {
  it('whose ConfigMap is not as Penstock writes it are named', async () => {
    const { put, observe } = world();
    put('configMaps', {
      name: 'iris-0a1b2c3d',
      ...owned,
      labels: { 'penstock.dev/role': 'revision' },
    });
    const { revisions, unreadable } = await observe();
    expect([revisions, unreadable]).to.deep.equal([[], ['iris-0a1b2c3d']]);
  });
});

describe('scale to zero', () => {
  const managed = pipeline({ scaling: { minReplicas: 0 } });
  const serving = (put: ReturnType<typeof world>['put'], { ready = true, since = 600 } = {}): void => {
    put('services', { name: 'iris', ...owned }, { spec: { selector: { 'penstock.dev/revision': 'iris-1' } } });
    put(
      'pods',
      { name: 'p', labels: { 'penstock.dev/pipeline': 'iris', 'penstock.dev/revision': 'iris-1' } },
      {
        status: {
          conditions: [
            {
              type: 'Ready',
              status: ready ? 'True' : 'False',
              lastTransitionTime: new Date(NOW - since * 1000).toISOString(),
            },
          ],
        },
      },
    );
  };
  const idle = (seconds: number) =>
    ({ scorers: { idleness: () => Promise.resolve({ seconds }), warning: () => undefined } }) as never;

  it('is not looked at for a pipeline that always has pods', async () =>
    expect(await world().observe()).not.to.have.any.keys('activator', 'idle'));

  it('has the idleness of the pods that serve', async () => {
    const { put, observe } = world(idle(300));
    serving(put);
    expect((await observe(managed)).idle).to.deep.equal({ revision: 'iris-1', seconds: 300 });
  });

  it('counts no idleness from before the pod was Ready', async () => {
    const { put, observe } = world(idle(300));
    serving(put, { since: 20 });
    expect((await observe(managed)).idle).to.deep.equal({ revision: 'iris-1', seconds: 20 });
  });

  it('has no idleness while a pod is not Ready', async () => {
    const { put, observe } = world(idle(300));
    serving(put, { ready: false });
    expect((await observe(managed)).idle).to.equal(undefined);
  });

  it('has a port only if an activator or a slice exists', async () => {
    const { put, observe } = world();
    expect((await observe(managed)).activator)
      .to.include({ synced: false })
      .and.not.have.property('port');
    put('activators', { name: 'a' }, { status: { podIP: 'fd00::1', conditions: [{ type: 'Ready', status: 'True' }] } });
    expect((await observe(managed)).activator).to.include({ port: 20_000, addressType: 'IPv6' });
  });
});

describe('a pipeline that is gone', () => {
  it('is forgotten by every memory', () => {
    const { deps, forgotten } = world();
    forgetPipeline({ namespace: 'ns', name: 'iris' }, deps);
    expect(forgotten).to.deep.equal(['keys ns/iris', 'scripts ns/iris', 'ports ns/iris']);
  });
});
