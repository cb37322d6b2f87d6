/** To zero and back: when the last pod goes, where requests go meanwhile, and what the user reads. */
import { expect } from 'chai';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import { readyAddresses, type Slice } from '../../../../operator/api/endpointSlices.ts';
import { children } from '../../../../operator/desired/children.ts';
import { trafficTable } from '../../../../operator/desired/traffic.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import { pipelineStatus } from '../../../../operator/status/pipeline.ts';
import {
  config,
  deploymentOf,
  observed,
  pipeline,
  podOf,
  stableService,
  stored,
} from '../../../support/fixtures/objects.ts';

const spec = { scaling: { minReplicas: 0, maxReplicas: 4, scaleToZeroAfter: '5m' } };
const one = stored(spec);
const old = stored({ ...spec, endpoint: { requestTimeout: '1s' } });
const served = { history: [{ revision: one.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' }] };
const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: one.name, namespace: 'ns' },
};
const attended = {
  port: 20_007,
  addresses: ['10.0.0.8', '10.0.0.9'],
  addressType: 'IPv4' as const,
  serviceReady: true,
  synced: true,
};
const noActivator = { ...attended, addresses: [] };
const starting = { ...attended, serviceReady: false };
const awake: Partial<ObservedPipeline> = {
  revisions: [one],
  service: stableService(one),
  deployments: [deploymentOf(one, 1, 1)],
  autoscalers: [autoscaler],
  activator: attended,
};
const zero: Partial<ObservedPipeline> = { ...awake, deployments: [deploymentOf(one, 0, 0)] };
const failing = podOf(one, {
  restartCount: 4,
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: {
    terminated: {
      exitCode: 3,
      message: 'UserScriptInitFailed: no such file (score.ts:3)',
      finishedAt: '',
      startedAt: '',
      reason: '',
    },
  },
});

const idle = (seconds: number): { revision: string; seconds: number } => ({ revision: one.name, seconds });

interface Row {
  when: string;
  seen: Partial<ObservedPipeline>;
  pods: string;
  requests: 'to the pods' | 'to the activator' | 'nowhere else';
  says: string;
  available: boolean;
  wakeAfterMs?: number | undefined;
}
const rows: Row[] = [
  {
    when: 'a Ready pod, idle for a minute: requests go to the pod',
    seen: { ...awake, idle: idle(60) },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
    wakeAfterMs: 240_000,
  },
  {
    when: 'a pod without a response: asked again after 30 s',
    seen: { ...awake, idle: { revision: one.name, unansweredSeconds: 31 } },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
    wakeAfterMs: 30_000,
  },
  {
    when: 'a pod without a response for a minute: stays at 1, and the status says why',
    seen: { ...awake, idle: { revision: one.name, unansweredSeconds: 61 } },
    pods: 'stay',
    requests: 'to the pods',
    says: 'a pod has not reported its requests for a minute: stays at 1 (can the operator reach port 9090 of the pods?)',
    available: true,
    wakeAfterMs: 30_000,
  },
  {
    when: 'idle for scaleToZeroAfter: requests go to the activator, then the pod is deleted',
    seen: { ...awake, idle: idle(300) },
    pods: '→0',
    requests: 'to the activator',
    says: 'idle, at zero',
    available: true,
    wakeAfterMs: 30_000,
  },
  {
    when: 'idle without a Ready activator: stays at 1, and the status says why',
    seen: { ...awake, idle: idle(301), activator: noActivator },
    pods: 'stay',
    requests: 'to the pods',
    says: 'idle for 5m, but no activator is Ready that would take the next request: stays at 1 (kubectl get pods -A -l app.kubernetes.io/component=activator)',
    available: true,
    wakeAfterMs: 30_000,
  },
  {
    when: 'idle, and the activator may not know the port yet: stays',
    seen: { ...awake, idle: idle(301), activator: { ...attended, synced: false } },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
    wakeAfterMs: 5_000,
  },
  {
    when: 'idle, but not yet in the history: stays',
    seen: { ...awake, idle: idle(301), pipeline: pipeline(spec) },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
    wakeAfterMs: 5_000,
  },
  {
    when: 'the idleness of another revision is ignored',
    seen: { ...awake, idle: { revision: old.name, seconds: 900 } },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
  },
  {
    when: 'at zero: stays at zero',
    seen: zero,
    pods: 'stay',
    requests: 'to the activator',
    says: 'idle, at zero',
    available: true,
  },
  {
    when: 'at zero while the endpoint of the last pod still exists: requests go to the activator',
    seen: { ...zero, activator: attended },
    pods: 'stay',
    requests: 'to the activator',
    says: 'idle, at zero',
    available: true,
  },
  {
    when: 'at zero without a Ready activator: scaled up',
    seen: { ...zero, activator: noActivator },
    pods: '→1',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: false,
  },
  {
    when: 'scaled up from zero: the activator holds requests until a pod is Ready',
    seen: { ...awake, deployments: [deploymentOf(one, 1, 0)], activator: starting },
    pods: 'stay',
    requests: 'to the activator',
    says: 'woken by a request → 1 replica',
    available: true,
  },
  {
    when: 'a Ready pod without an endpoint: requests still go to the activator',
    seen: { ...awake, activator: starting, idle: idle(0) },
    pods: 'stay',
    requests: 'to the activator',
    says: 'woken by a request → 1 replica',
    available: true,
    wakeAfterMs: 300_000,
  },
  {
    when: 'scaled up from zero, and the pod fails: not Available',
    seen: { ...awake, deployments: [deploymentOf(one, 1, 0)], pods: [failing], activator: starting },
    pods: 'stay',
    requests: 'to the activator',
    says: 'scaling begins with the first Ready pod',
    available: false,
  },
  {
    when: 'two replicas: the autoscaler scales down first',
    seen: { ...awake, idle: undefined, deployments: [deploymentOf(one, 2, 2)] },
    pods: 'stay',
    requests: 'to the pods',
    says: 'scaling begins with the first Ready pod',
    available: true,
  },
  {
    when: 'minReplicas 1 at zero: scaled up, and requests go to the activator until a pod is Ready',
    seen: { ...zero, pipeline: pipeline({ scaling: { minReplicas: 1, maxReplicas: 4 } }, served) },
    pods: '→1',
    requests: 'to the activator',
    says: 'woken by a request → 1 replica',
    available: true,
  },
  {
    when: 'minReplicas 1 with a Ready pod: requests go to the pod',
    seen: { ...awake, pipeline: pipeline({ scaling: { minReplicas: 1, maxReplicas: 4 } }, served) },
    pods: 'stay',
    requests: 'nowhere else',
    says: 'scaling begins with the first Ready pod',
    available: true,
  },
  {
    when: 'no port is free, or no activator exists: stays',
    seen: {
      ...awake,
      activator: { addresses: ['10.0.0.8'], addressType: 'IPv4', serviceReady: true, synced: false },
      idle: idle(900),
    },
    pods: 'stay',
    requests: 'nowhere else',
    says: 'idle for 5m, but no activator is Ready that would take the next request: stays at 1 (kubectl get pods -A -l app.kubernetes.io/component=activator)',
    available: true,
    wakeAfterMs: 30_000,
  },
];

/**
 * Where an EndpointSlice of the activator sends requests. With a slice without addresses, the pods take all requests.
 */
function destinationOf(slice: Slice | undefined): string {
  if (slice === undefined) return 'nowhere else';
  if (readyAddresses(slice).length > 0) return 'to the activator';
  return 'to the pods';
}

describe('to zero and back', () => {
  for (const { when, seen: change, pods, requests, says, available, wakeAfterMs } of rows) {
    it(when, () => {
      const seen = observed({ pipeline: pipeline(spec, served), ...change });
      const plan = planRollout(seen, config);
      const [active] = plan.live;
      expect(active?.scaleTo === undefined ? 'stay' : `→${active.scaleTo}`).to.equal(pods);
      const slice = children({
        ...plan,
        pipeline: seen.pipeline,
        traffic: trafficTable(seen, plan, seen.keyHashes ?? []),
        scriptFiles: {},
        initialized: true,
      })
        .flat()
        .find(({ kind }) => kind === 'EndpointSlice') as Slice | undefined;
      expect(destinationOf(slice)).to.equal(requests);
      const { conditions = [] } = pipelineStatus(seen, plan, {}, '');
      expect(conditions.find(({ type }) => type === 'ScalingActive')?.message).to.equal(says);
      expect(conditions.find(({ type }) => type === 'Available')?.status).to.equal(available ? 'True' : 'False');
      expect(plan.wakeAfterMs).to.equal(wakeAfterMs);
    });
  }

  it('during a rollout, a pipeline at zero stays at zero', () => {
    const seen = observed({
      pipeline: pipeline(spec, { history: [{ revision: old.name, from: '', reason: 'FirstRollout' }] }),
      revisions: [old],
      service: stableService(old),
      deployments: [deploymentOf(old, 0, 0)],
      activator: starting,
    });
    const plan = planRollout(seen, config);
    expect(plan.live.map(({ role, scaleTo, scalingFrozen }) => [role, scaleTo, scalingFrozen])).to.deep.equal([
      ['stable', undefined, true],
      ['candidate', 1, false],
    ]);
    expect(plan.scaleToZero).to.deep.include({
      state: 'AtZero',
      availableThroughActivator: true,
      route: { port: 20_007, addressType: 'IPv4', addresses: attended.addresses },
    });
  });

  it('during a rollout without activators, a pipeline at zero is scaled up', () => {
    const seen = observed({
      pipeline: pipeline(spec, { history: [{ revision: old.name, from: '', reason: 'FirstRollout' }] }),
      revisions: [old],
      service: stableService(old),
      deployments: [deploymentOf(old, 0, 0)],
      activator: noActivator,
    });
    expect(planRollout(seen, config).live[0]).to.deep.include({ role: 'stable', scalingFrozen: true, scaleTo: 1 });
  });

  it('an evicted pod is ignored when another pod starts', () => {
    const evicted = {
      ...podOf(one),
      status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
    };
    const seen = observed({
      pipeline: pipeline(spec, served),
      ...awake,
      deployments: [deploymentOf(one, 1, 0)],
      pods: [evicted, podOf(one, {}, { phase: 'Pending' })],
      activator: starting,
    });
    expect(planRollout(seen, config).scaleToZero).to.deep.include({ state: 'Waking', availableThroughActivator: true });
  });

  it('an idle pipeline is not scaled to zero during a rollout', () => {
    const seen = observed({
      pipeline: pipeline(spec),
      revisions: [old],
      service: stableService(old),
      deployments: [deploymentOf(old, 1, 1)],
      activator: attended,
      idle: idle(900),
    });
    expect(planRollout(seen, config).live[0]?.scaleTo).to.equal(undefined);
  });
});
