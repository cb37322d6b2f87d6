/** Writes beside server-side apply: what they send, and which refusals they ignore. */
import { expect } from 'chai';
import { Outdated } from '@penstock/kube/controller/result';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { LiveRevision } from '../../../../operator/api/plan.ts';
import {
  adoptOrphans,
  confirmReadyPods,
  markFailed,
  refreshPodMounts,
  setReplicas,
  type Effects,
} from '../../../../operator/apply/effects.ts';
import { ownerReference } from '../../../../operator/desired/meta.ts';
import { KubeError } from '@penstock/kube/client/errors';
import { deploymentOf, pipeline, podOf, stored } from '../../../support/fixtures/objects.ts';

const owner = pipeline();
const revision = stored();

/** Effects over one cached object. `calls` has the arguments of each write. */
function effects(cached: KubeObject | undefined, fails?: Error) {
  const calls: unknown[] = [];
  const send = (call: unknown): Promise<never> => {
    calls.push(call);
    return fails ? Promise.reject(fails) : Promise.resolve({ kind: '', metadata: { resourceVersion: '9' } } as never);
  };
  const kube = {
    cached: () => cached,
    cacheWrite: () => undefined,
    client: {
      scale: ({ uid, resourceVersion }: KubeObject['metadata'], replicas: number) =>
        send({ uid, resourceVersion, replicas }),
      patchMetadata: (_: unknown, { name }: KubeObject['metadata'], change: object) => send({ name, ...change }),
    },
  } as unknown as Effects;
  return { kube, calls };
}

describe('adoptOrphans', () => {
  it('keeps the references of other owners', async () => {
    const other = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'uid-node' };
    const orphan = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'iris', namespace: 'ns', ownerReferences: [other] },
    } as KubeObject;
    const { kube, calls } = effects(undefined);
    await adoptOrphans([orphan], ownerReference(owner), kube);
    expect(calls).to.deep.equal([{ name: 'iris', ownerReferences: [other, ownerReference(owner)] }]);
  });
});

describe('setReplicas', () => {
  const live = (scaleTo: number | undefined, autoscaled = false): LiveRevision => ({
    revision,
    role: 'stable',
    weightPercent: 100,
    scaleTo,
    autoscaled,
    scalingFrozen: false,
    replicas: 3,
    ready: 3,
  });
  const rows: { when: string; live: LiveRevision; sent: object[] }[] = [
    {
      when: 'fewer pods: only if the Deployment is the one that was read',
      live: live(2),
      sent: [{ uid: 'uid', resourceVersion: '7', replicas: 2 }],
    },
    {
      when: 'more pods: also if the Deployment has changed',
      live: live(5),
      sent: [{ uid: 'uid', resourceVersion: undefined, replicas: 5 }],
    },
    {
      when: 'more pods beside an autoscaler: only if the Deployment is the one that was read',
      live: live(5, true),
      sent: [{ uid: 'uid', resourceVersion: '7', replicas: 5 }],
    },
    { when: 'the same number: nothing', live: live(3), sent: [] },
    { when: 'no planned number: nothing', live: live(undefined), sent: [] },
  ];
  for (const { when, live: one, sent } of rows) {
    it(when, async () => {
      const deployment = deploymentOf(revision, 3, 3);
      Object.assign(deployment.metadata, { uid: 'uid', resourceVersion: '7' });
      const { kube, calls } = effects(deployment);
      await setReplicas([one], owner, kube);
      expect(calls).to.deep.equal(sent);
    });
  }
});

describe('refreshPodMounts', () => {
  const running = () => podOf(revision, {}, { phase: 'Running' });
  const refused = (code: number) => new KubeError(code, '', 'no');

  it('annotates a running pod with another table, and not one with this table', async () => {
    const current = running();
    current.metadata.annotations = { 'penstock.dev/traffic': 'new' };
    const { kube, calls } = effects(undefined);
    await refreshPodMounts([running(), current], 'new', kube);
    expect(calls).to.have.length(1);
  });

  for (const code of [404, 409])
    it(`a pod that was replaced causes no error: ${code}`, () =>
      refreshPodMounts([running()], 'new', effects(undefined, refused(code)).kube));

  it('any other error is thrown', async () => {
    const error: unknown = await refreshPodMounts([running()], 'new', effects(undefined, refused(403)).kube).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(KubeError);
  });
});

describe('confirmReadyPods', () => {
  const rows: { when: string; ready: Record<string, number>; replicas: number; moves: boolean }[] = [
    { when: 'the candidate has its pods', ready: { new: 2, old: 2 }, replicas: 2, moves: true },
    { when: 'the candidate has too few pods', ready: { new: 1, old: 2 }, replicas: 2, moves: false },
    { when: 'the candidate is scaled down meanwhile', ready: { new: 2, old: 2 }, replicas: 1, moves: false },
    { when: 'the stable revision has no Ready pod either', ready: { new: 0, old: 0 }, replicas: 2, moves: true },
  ];
  for (const { when, ready, replicas, moves } of rows) {
    it(`${when}: traffic ${moves ? 'moves' : 'stays'}`, async () => {
      const client = {
        get: () => Promise.resolve({ spec: { replicas } }),
        list: (_: string, { labelSelector }: { labelSelector: string }) =>
          Promise.resolve({
            items: Array.from({ length: ready[labelSelector.split('=')[1]!]! }, () =>
              podOf(revision, {}, { conditions: [{ type: 'Ready', status: 'True' }] }),
            ),
          }),
      };
      const confirmed = confirmReadyPods({ from: 'old', to: 'new', size: 2 }, owner, { client } as unknown as Effects);
      const error: unknown = await confirmed.catch((thrown: unknown) => thrown);
      if (moves) expect(error).to.equal(undefined);
      else expect(error).to.be.instanceOf(Outdated);
    });
  }
});

describe('markFailed', () => {
  const failure = { reason: 'UserScriptInitFailed', message: 'no such file', times: 3, detail: 'the stack' };

  it('writes reason and detail to the ConfigMap of the revision', async () => {
    const { kube, calls } = effects(undefined);
    await markFailed({ revision, failure }, kube);
    expect(calls).to.deep.equal([
      {
        name: revision.name,
        annotations: {
          'penstock.dev/abandoned': 'UserScriptInitFailed: no such file',
          'penstock.dev/failure-detail': 'the stack',
        },
      },
    ]);
  });

  it('waits until a deleted ConfigMap is restored', async () => {
    const { configMap: _, ...lost } = revision;
    const error: unknown = await markFailed({ revision: lost, failure }, effects(undefined).kube).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Outdated);
  });
});
