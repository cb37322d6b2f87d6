import { expect } from 'chai';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import { children } from '../../../../operator/desired/children.ts';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import type { Plan } from '../../../../operator/api/plan.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import {
  config,
  deploymentOf,
  NOW,
  observed,
  pipeline,
  podOf,
  stableService,
  stored,
  withStates,
} from '../../../support/fixtures/objects.ts';

const fixed = { scaling: { minReplicas: 2, maxReplicas: 2 } };
const scaled = { scaling: { minReplicas: 2, maxReplicas: 6 } };
const old = stored({ ...scaled, endpoint: { requestTimeout: '1s' } });
const now = stored(scaled);
const failing = {
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: { terminated: { exitCode: 3, message: 'UserScriptInitFailed: no such file (score.ts:3)\nstack' } },
};
const served = { history: [{ revision: old.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' }] };
const autoscaler = (name: string) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, namespace: 'ns' },
});
const retiringSince = (ms: number) => ({
  revisions: { [old.name]: { state: 'retiring' as const, since: new Date(NOW - ms).toISOString() } },
  keyHashes: [],
});
const line = ({ live }: Plan): string[] =>
  live.map(({ revision, role, scaleTo, autoscaled }) =>
    [
      revision.name === now.name ? 'new' : 'old',
      role,
      scaleTo === undefined ? '' : `→${scaleTo}`,
      autoscaled ? 'hpa' : '',
    ]
      .filter(Boolean)
      .join(' '),
  );

/** Replicas and Ready pods of each revision, the revision that the Service selects, and those with an autoscaler. */
interface World {
  old?: [replicas: number, ready: number];
  new?: [replicas: number, ready: number];
  serves: 'old' | 'new';
  autoscaled?: ('old' | 'new')[];
  status?: InferencePipeline['status'];
}
function world({ serves, autoscaled = [], status, ...pods }: World, more: Partial<ObservedPipeline> = {}) {
  const revisions = { old, new: now };
  const present = (['old', 'new'] as const).filter((one) => pods[one]);
  return {
    pipeline: pipeline(scaled, status),
    revisions: present.map((one) => revisions[one]),
    service: stableService(revisions[serves]),
    deployments: present.map((one) => deploymentOf(revisions[one], pods[one]![0], pods[one]![1])),
    autoscalers: autoscaled.map((one) => autoscaler(revisions[one].name)),
    ...more,
  };
}

const surge = (maxSurge: number) => ({ pipeline: pipeline({ ...scaled, rollout: { maxSurge } }, served) });

interface Row {
  when: string;
  seen: Partial<ObservedPipeline>;
  live: string[];
  active: 'old' | 'new';
}
const rows: Row[] = [
  {
    when: 'nothing exists: the first revision is stable at once, at minReplicas, without an autoscaler',
    seen: {},
    live: ['new stable →2'],
    active: 'new',
  },
  {
    when: 'its first pod is Ready: it gets an autoscaler',
    seen: world({ new: [2, 1], serves: 'new' }),
    live: ['new stable hpa'],
    active: 'new',
  },
  {
    when: 'no pod is Ready yet, and the replicas are right: not scaled',
    seen: world({ new: [2, 0], serves: 'new' }),
    live: ['new stable'],
    active: 'new',
  },
  {
    when: 'the autoscaler has scaled up: its replicas stay',
    seen: world({ new: [5, 5], serves: 'new', autoscaled: ['new'] }),
    live: ['new stable hpa'],
    active: 'new',
  },
  {
    when: 'scaled to 0 by hand, where the autoscaler does not act: it is scaled up',
    seen: world({ new: [0, 0], serves: 'new', autoscaled: ['new'] }),
    live: ['new stable →2 hpa'],
    active: 'new',
  },
  {
    when: 'no pod of an autoscaled revision is Ready: the autoscaler stays',
    seen: world({ new: [5, 0], serves: 'new', autoscaled: ['new'] }),
    live: ['new stable hpa'],
    active: 'new',
  },
  {
    when: 'another adapter has the metrics API: no autoscaler, and the existing pods stay',
    seen: world({ new: [5, 5], serves: 'new', autoscaled: ['new'] }, { noConcurrency: 'held' }),
    live: ['new stable'],
    active: 'new',
  },
  {
    when: 'another adapter has it, and there are fewer pods than the minimum: scaled up to it',
    seen: world({ new: [1, 1], serves: 'new' }, { noConcurrency: 'held' }),
    live: ['new stable →2'],
    active: 'new',
  },
  {
    when: 'another adapter has it, and there are more pods than the maximum: scaled down to it',
    seen: world({ new: [9, 9], serves: 'new' }, { noConcurrency: 'held' }),
    live: ['new stable →6'],
    active: 'new',
  },
  {
    when: 'an update: the candidate gets as many pods as the stable revision, which keeps its autoscaler',
    seen: world({ old: [4, 4], serves: 'old', autoscaled: ['old'], status: served }),
    live: ['old stable hpa', 'new candidate →4'],
    active: 'old',
  },
  {
    when: 'maxSurge: 1: the candidate gets one pod',
    seen: world({ old: [4, 4], serves: 'old', autoscaled: ['old'], status: served }, surge(1)),
    live: ['old stable hpa', 'new candidate →1'],
    active: 'old',
  },
  {
    when: 'its pod is Ready: both revisions exchange one, and the stable revision loses its autoscaler',
    seen: world({ old: [4, 4], new: [1, 1], serves: 'old', autoscaled: ['old'], status: served }, surge(1)),
    live: ['old stable →3', 'new candidate →2'],
    active: 'old',
  },
  {
    when: 'both have nearly as many: the traffic moves',
    seen: world({ old: [3, 3], new: [2, 2], serves: 'old', status: served }, surge(1)),
    live: ['old retiring', 'new stable hpa'],
    active: 'new',
  },
  {
    when: 'three of four pods of the candidate are Ready: traffic stays',
    seen: world({ old: [4, 4], new: [4, 3], serves: 'old', autoscaled: ['old'], status: served }),
    live: ['old stable hpa', 'new candidate'],
    active: 'old',
  },
  {
    when: 'all pods of the candidate are Ready: traffic moves, and the old revision retires with its pods',
    seen: world({ old: [4, 4], new: [4, 4], serves: 'old', autoscaled: ['old'], status: served }),
    live: ['old retiring hpa', 'new stable hpa'],
    active: 'new',
  },
  {
    when: 'the drain time is over: the retiring revision is scaled to 0',
    seen: world(
      { old: [4, 4], new: [4, 4], serves: 'new', autoscaled: ['old', 'new'] },
      { traffic: retiringSince(6000) },
    ),
    live: ['old retiring →0', 'new stable hpa'],
    active: 'new',
  },
  {
    when: 'a pod of the retiring revision still terminates: its Deployment stays',
    seen: world(
      { old: [0, 0], new: [4, 4], serves: 'new', autoscaled: ['new'] },
      { traffic: retiringSince(9000), pods: [podOf(old)] },
    ),
    live: ['old retiring', 'new stable hpa'],
    active: 'new',
  },
  {
    when: 'the last pod of the retiring revision is gone: its Deployment is deleted',
    seen: world({ old: [0, 0], new: [4, 4], serves: 'new', autoscaled: ['new'] }, { traffic: retiringSince(9000) }),
    live: ['new stable hpa'],
    active: 'new',
  },
  {
    when: 'the first revision fails before it served: a changed spec replaces it at once',
    seen: world({ old: [2, 0], serves: 'old' }, { pods: [podOf(old, { ...failing, restartCount: 9 })] }),
    live: ['old retiring', 'new stable →2'],
    active: 'new',
  },
];

describe('the rollout', () => {
  for (const { when, seen, live, active } of rows) {
    it(when, () => {
      const plan = planRollout(observed({ pipeline: pipeline(scaled), ...seen }), config);
      expect(line(plan)).to.deep.equal(live);
      expect(plan.stable).to.equal(active === 'old' ? old.name : now.name);
    });
  }

  it('a revision that is wanted again after 0 replicas waits until its old pods are gone', () => {
    const seen = {
      pipeline: pipeline(scaled, served),
      revisions: [old, now],
      service: stableService(old),
      deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 0, 0)],
    };
    expect(line(planRollout(observed({ ...seen, pods: [podOf(now)] }), config))).to.deep.equal([
      'old stable',
      'new candidate',
    ]);
    expect(line(planRollout(observed(seen), config))).to.deep.equal(['old stable', 'new candidate →2']);
  });

  it('a stale Deployment status: the candidate does not become stable', () => {
    const stale = deploymentOf(now, 2, 2);
    const seen = observed({
      pipeline: pipeline(scaled, served),
      revisions: [old, now],
      service: stableService(old),
      deployments: [deploymentOf(old, 2, 2)],
    });
    expect(planRollout(withStates({ ...seen, deployments: [...seen.deployments, stale] }), config).stable).to.equal(
      old.name,
    );
  });

  it('the plan has a trafficSwitch when traffic moves', () => {
    const both = { revisions: [old, now], service: stableService(old), pipeline: pipeline(scaled, served) };
    expect(
      planRollout(observed({ ...both, deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 2, 2)] }), config)
        .trafficSwitch,
    ).to.deep.equal({ from: old.name, to: now.name, size: 2 });
    expect(
      planRollout(observed({ ...both, deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 2, 1)] }), config)
        .trafficSwitch,
    ).to.equal(undefined);
    expect(planRollout(observed({ pipeline: pipeline(scaled) }), config).trafficSwitch).to.equal(undefined);
  });

  it('a retiring revision without pods: none of its children is created again', () => {
    const seen = observed({
      pipeline: pipeline(scaled),
      revisions: [old, now],
      service: stableService(now),
      deployments: [deploymentOf(old, 0, 0), deploymentOf(now, 4, 4)],
    });
    const plan = planRollout(seen, config);
    expect(line(plan)).to.deep.equal(['old retiring', 'new stable hpa']);
    const made = children({
      ...plan,
      pipeline: seen.pipeline,
      traffic: { revisions: {}, keyHashes: [] },
      scriptFiles: {},
      initialized: true,
    }).flat();
    expect(made.map(({ metadata }) => metadata.name)).not.to.include(old.name);
  });

  it('a change from Production to Development: the stable revision keeps its size until the candidate is Ready', () => {
    const big = stored({ ...scaled, target: 'Production' });
    const seen = observed({
      pipeline: pipeline(
        {},
        { history: [{ revision: big.name, from: '2026-11-23T11:00:00Z', reason: 'FirstRollout' }] },
      ),
      revisions: [big],
      service: stableService(big),
      deployments: [deploymentOf(big, 4, 4)],
      autoscalers: [autoscaler(big.name)],
    });
    expect(planRollout(seen, config).live[0]).to.include({
      role: 'stable',
      scalingFrozen: true,
      autoscaled: true,
      scaleTo: undefined,
    });
  });

  it('a deleted or edited stable Service does not change what serves', () => {
    const seen = observed({
      pipeline: pipeline(scaled, { ...served, activeRevision: old.name }),
      revisions: [old, now],
      deployments: [deploymentOf(old, 4, 4), deploymentOf(now, 4, 0)],
      autoscalers: [autoscaler(old.name)],
    });
    expect(planRollout(seen, config).stable).to.equal(old.name);
    const edited = stableService(old);
    edited.spec!.selector = { 'penstock.dev/revision': 'rubbish' };
    expect(planRollout({ ...seen, service: edited }, config).stable).to.equal(old.name);
  });

  it('wakes when the drain ends', () => {
    const plan = planRollout(
      observed({
        pipeline: pipeline(scaled),
        revisions: [old, now],
        service: stableService(now),
        deployments: [deploymentOf(old, 4, 4), deploymentOf(now, 4, 4)],
        traffic: retiringSince(1000),
      }),
      config,
    );
    expect(plan.wakeAfterMs).to.equal(4000);
  });

  it('restores a fixed replica count', () => {
    const one = stored(fixed);
    const plan = planRollout(
      observed({
        pipeline: pipeline(fixed),
        revisions: [one],
        service: stableService(one),
        deployments: [deploymentOf(one, 7, 2)],
      }),
      config,
    );
    expect(plan.live[0]).to.include({ scaleTo: 2, autoscaled: false });
  });

  describe('a candidate that fails', () => {
    const update = (change: Partial<ObservedPipeline>) =>
      planRollout(
        observed({
          pipeline: pipeline(scaled, served),
          revisions: [old, now],
          service: stableService(old),
          deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 2, 0)],
          ...change,
        }),
        config,
      );

    it('is not failed after two restarts', () =>
      expect(update({ pods: [podOf(now, { ...failing, restartCount: 2 })] }).failing).to.equal(undefined));
    it('is failed after three restarts, with the reason of that pod', () => {
      const plan = update({ pods: [podOf(now), podOf(now, { ...failing, restartCount: 3 })] });
      expect(plan.failing?.failure).to.include({
        reason: 'UserScriptInitFailed',
        message: 'no such file (score.ts:3)',
      });
      expect(line(plan)).to.deep.equal(['old stable hpa']);
    });
    it('is failed at the progress deadline', () => {
      const late = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
      expect(
        update({ deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 2, 1, late)] }).failing?.failure.reason,
      ).to.equal('ProgressDeadlineExceeded');
    });
    it('a failed revision is not tried again, and the reason is reported', () => {
      const plan = update({
        revisions: [old, { ...now, abandoned: 'UserScriptInitFailed: no such file (score.ts:3)' }],
      });
      expect(line(plan)).to.deep.equal(['old stable hpa']);
      expect(plan.blocked).to.include({ reason: 'UserScriptInitFailed', message: 'no such file (score.ts:3)' });
    });
  });

  it('keeps the newest revisions to go back to, and the live ones', () => {
    const kept = [1, 2, 3].map((day) => {
      const one = stored({ ...scaled, endpoint: { requestTimeout: `${day}m` } });
      return { ...one, record: { ...one.record, createdAt: `2026-11-0${day}T00:00:00Z` } };
    });
    const plan = planRollout(
      observed({
        pipeline: pipeline({ ...scaled, rollout: { revisionHistoryLimit: 2 } }),
        revisions: [...kept, now],
        service: stableService(now),
        deployments: [deploymentOf(now, 2, 2)],
      }),
      config,
    );
    expect(plan.kept).to.deep.equal([now.name, kept[2]!.name, kept[1]!.name]);
  });
});
