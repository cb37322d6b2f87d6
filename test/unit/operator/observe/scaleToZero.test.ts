/** What is known of a pipeline that may have no pods: the activator, and how long its pods have been idle. */
import { expect } from 'chai';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../../../../operator/api/labels.ts';
import { endpointSliceKeys } from '../../../../operator/caches/indexes.ts';
import { observeScaleToZero } from '../../../../operator/observe/scaleToZero.ts';
import type { KubeObject, Stored } from '@penstock/kube/api/objects';
import { Cache } from '@penstock/kube/cache/cache';
import { NOW, pipeline, stableService, stored } from '../../../support/fixtures/objects.ts';

const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();
const revision = stored();
const managed = pipeline({ target: 'Managed' });

const pod = (name: string, readySeconds: number, change: { metadata?: object; status?: object } = {}): Stored<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns', labels: { [LABEL.revision]: revision.name }, ...change.metadata },
  status: {
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readySeconds) }],
    ...change.status,
  },
});
const notReady = { status: { conditions: [] } };

interface World {
  pods?: Stored<Pod>[];
  autoscaled?: boolean;
  service?: ReturnType<typeof stableService> | undefined;
  slices?: object[];
  activators?: string[];
  of?: typeof managed;
  answer?: { seconds: number } | { unansweredSeconds: number };
}
/** The result, and the names of the pods that were asked. */
async function observed(world: World = {}) {
  const { pods = [], autoscaled = false, slices = [], activators = ['10.0.0.9'], of = managed } = world;
  const service = 'service' in world ? world.service : stableService(revision);
  const endpointSlices = new Cache(endpointSliceKeys as never);
  for (const slice of slices) endpointSlices.put(slice as KubeObject);
  const caches = {
    endpointSlices,
    activators: {
      values: () =>
        activators.map((podIP, i) =>
          pod(`activator-${i}`, 100, { status: { podIP, conditions: [{ type: 'Ready', status: 'True' }] } }),
        ),
    },
  };
  const asked: string[] = [];
  const seen = await observeScaleToZero(of, { pods, service, autoscaled, now: NOW }, {
    kube: { caches },
    ports: { port: () => 20_007 },
    scorers: {
      idleness: (all: Stored<Pod>[]) => {
        asked.push(...all.map(({ metadata }) => metadata.name));
        return Promise.resolve(world.answer ?? { seconds: 300 });
      },
    },
  } as never);
  return { ...seen, asked };
}

describe('how long the pods of a pipeline have been idle', () => {
  it('is what the pods of the stable revision say', async () => {
    const { idle, asked } = await observed({ pods: [pod('a', 900)] });
    expect([idle, asked]).to.deep.equal([{ revision: revision.name, seconds: 300 }, ['a']]);
  });

  it('does not count the time before the newest of them was Ready', async () => {
    const { idle } = await observed({ pods: [pod('a', 900), pod('b', 40)] });
    expect(idle).to.deep.equal({ revision: revision.name, seconds: 40 });
  });

  it('is not known of a pod that does not answer', async () => {
    const { idle } = await observed({ pods: [pod('a', 900)], answer: { unansweredSeconds: 12 } });
    expect(idle).to.deep.equal({ revision: revision.name, unansweredSeconds: 12 });
  });

  it('leaves out pods of other revisions, pods that are deleted, and pods that have ended', async () => {
    const other = pod('other', 900, { metadata: { labels: { [LABEL.revision]: 'iris-0' } } });
    const unlabelled = pod('unlabelled', 900, { metadata: { labels: undefined } });
    const deleted = pod('deleted', 900, { metadata: { deletionTimestamp: ago(1) } });
    const ended = pod('ended', 900, { status: { phase: 'Failed' } });
    const { asked } = await observed({ pods: [other, unlabelled, deleted, ended, pod('a', 900)] });
    expect(asked).to.deep.equal(['a']);
  });

  const rows: [what: string, world: World][] = [
    ['without pods', {}],
    ['while a pod is not Ready', { pods: [pod('a', 900), pod('b', 0, notReady)] }],
    ['while an autoscaler runs several pods', { pods: [pod('a', 900), pod('b', 900)], autoscaled: true }],
    ['without a Service', { pods: [pod('a', 900)], service: undefined }],
    ['of a pipeline that always has pods', { pods: [pod('a', 900)], of: pipeline(), slices: [activatorSlice(60)] }],
  ];
  for (const [what, world] of rows)
    it(`is not asked for ${what}`, async () => {
      const { idle, asked } = await observed(world);
      expect([idle, asked]).to.deep.equal([undefined, []]);
    });

  it('is asked for where an autoscaler runs one pod', async () => {
    const { asked } = await observed({ pods: [pod('a', 900)], autoscaled: true });
    expect(asked).to.deep.equal(['a']);
  });
});

function activatorSlice(seconds: number, change: object = {}): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'iris-activator',
      namespace: 'ns',
      resourceVersion: '1',
      creationTimestamp: ago(seconds),
      labels: { [LABEL.role]: 'activator', 'kubernetes.io/service-name': 'iris' },
    },
    addressType: 'IPv4',
    ports: [{ port: 20_007 }],
    endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready: true } }],
    ...change,
  };
}
const serviceSlice = (ready: boolean): object => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'iris-x',
    namespace: 'ns',
    resourceVersion: '1',
    labels: { 'kubernetes.io/service-name': 'iris' },
  },
  endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }],
});

describe('the activator of a pipeline', () => {
  it('is nothing for a pipeline that always has pods', async () =>
    expect(await observed({ of: pipeline() })).to.deep.equal({ asked: [] }));

  it('has addresses of Ready pods and a port', async () => {
    const { activator } = await observed({ activators: ['10.0.0.9', '10.0.0.8'] });
    expect(activator).to.deep.equal({
      port: 20_007,
      addresses: ['10.0.0.8', '10.0.0.9'],
      addressType: 'IPv4',
      serviceReady: false,
      synced: false,
    });
  });

  it('has no port while there is no activator and no slice', async () =>
    expect((await observed({ activators: [] })).activator).not.to.have.property('port'));
  it('keeps its port while there is a slice', async () =>
    expect((await observed({ activators: [], slices: [activatorSlice(60)] })).activator).to.include({ port: 20_007 }));

  it('has the address type of its slice, else that of its pods', async () => {
    const typeOf = async (world: World) => (await observed(world)).activator?.addressType;
    expect(await typeOf({ activators: ['fd00::9'] })).to.equal('IPv6');
    expect(await typeOf({ activators: ['fd00::9'], slices: [activatorSlice(60)] })).to.equal('IPv4');
    expect(await typeOf({ slices: [activatorSlice(60, { addressType: 'IPv6' })] })).to.equal('IPv6');
    expect(await typeOf({ activators: [] })).to.equal('IPv4');
  });

  it('is synced when its slice has had the port for five seconds', async () => {
    const synced = async (slice: object) => (await observed({ slices: [slice] })).activator?.synced;
    expect(await synced(activatorSlice(5))).to.equal(true);
    expect(await synced(activatorSlice(4))).to.equal(false);
    expect(await synced(activatorSlice(60, { ports: [{ port: 20_008 }] }))).to.equal(false);
  });

  it('knows whether the Service has a Ready pod; its own slice does not count', async () => {
    const ready = async (...slices: object[]) => (await observed({ slices })).activator?.serviceReady;
    expect(await ready(activatorSlice(60))).to.equal(false);
    expect(await ready(activatorSlice(60), serviceSlice(false))).to.equal(false);
    expect(await ready(activatorSlice(60), serviceSlice(true))).to.equal(true);
  });
});
