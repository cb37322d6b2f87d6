/** The caches of the operator, and its own writes in them. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { KubeClient, ObjectList } from '@penstock/kube/client/client';
import { Kube } from '../../../../operator/caches/kube.ts';

const service = (resourceVersion: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'iris', namespace: 'ns', uid: 'u', resourceVersion, ...metadata },
});

/** A cluster that is listed at version 10 with these Services, and then is silent. */
async function kubeOf(items: KubeObject[] = [], namespaces: string[] = [], cacheBytes = Infinity) {
  const stop = new AbortController();
  const client = {
    list: (path: string): Promise<ObjectList<KubeObject>> =>
      Promise.resolve({
        metadata: { resourceVersion: '10' },
        items: path.endsWith('/services') ? structuredClone(items) : [],
      }),
    open: ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended')))),
  } as unknown as KubeClient;
  const errors: unknown[] = [];
  const kube = new Kube(client, {
    namespaces,
    operatorNamespace: 'system',
    idleMs: 60_000,
    cacheBytes,
    onError: (error) => errors.push(error),
  });
  const running = kube.run(stop.signal);
  await kube.whenSynced;
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  return { kube, errors, end };
}

describe('the response to a write', () => {
  it('is cached, without managedFields', async () => {
    const { kube, end } = await kubeOf();
    kube.cacheWrite(service('11', { managedFields: [{}] }));
    expect(kube.caches.services.get('ns', 'iris')?.metadata).to.deep.equal(service('11').metadata);
    expect(kube.cached(service(''))?.metadata.resourceVersion).to.equal('11');
    await end();
  });

  it('is dropped when the watch has passed its version: the object may be deleted by now', async () => {
    const { kube, end } = await kubeOf();
    for (const version of ['9', '10']) kube.cacheWrite(service(version));
    expect(kube.caches.services.get('ns', 'iris')).to.equal(undefined);
    await end();
  });

  it('is dropped for a namespace that is not watched', async () => {
    const { kube, end } = await kubeOf([], ['other']);
    kube.cacheWrite(service('11'));
    expect(kube.cached(service(''))).to.equal(undefined);
    await end();
  });
});

describe('a deleted object', () => {
  it('is not cached any more, and does not come back by an older response', async () => {
    const { kube, end } = await kubeOf([service('5')]);
    expect(kube.cached(service(''))).not.to.equal(undefined);
    kube.evict(service('5'));
    kube.cacheWrite(service('11'));
    expect(kube.cached(service(''))).to.equal(undefined);
    await end();
  });
});

describe('objects without room in memory', () => {
  it('are told by kind and name for their namespace only', async () => {
    const { kube, errors, end } = await kubeOf([service('5', { annotations: { a: 'x'.repeat(5_000) } })], [], 4_000);
    expect(kube.omitted('ns')).to.contain('1 services (iris)').and.contain('operator.resources.limits.memory');
    expect(kube.omitted('other')).to.equal(undefined);
    expect(errors).to.have.length(1);
    await end();
  });
});
