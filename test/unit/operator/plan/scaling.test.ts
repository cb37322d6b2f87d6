/** How many replicas a revision gets, and who sets the count. */
import { expect } from 'chai';
import type { ObservedPipeline, RevisionState } from '../../../../operator/api/observed.ts';
import type { ScaleToZero } from '../../../../operator/api/plan.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { candidateScaling, frozenScaling, stableScaling } from '../../../../operator/plan/scaling.ts';

const spec = effective({ target: 'Production', scaling: { minReplicas: 2, maxReplicas: 6 } });
const fixed = effective({ target: 'Production', scaling: { minReplicas: 3, maxReplicas: 3 } });
const state = (change: Partial<RevisionState>): RevisionState => ({
  exists: true,
  replicas: 2,
  ready: 2,
  pods: 2,
  hasAutoscaler: true,
  deadlineExceeded: false,
  ...change,
});
const zero = (name: ScaleToZero['state']): ScaleToZero => ({ state: name }) as ScaleToZero;

describe('the stable revision', () => {
  const stable = (
    change: Partial<RevisionState>,
    options: { size?: number; at?: ScaleToZero['state']; hasMetrics?: boolean; of?: typeof spec } = {},
  ) => {
    const { autoscaled, scaleTo } = stableScaling(state(change), options.of ?? spec, {
      size: options.size ?? 2,
      scaleToZero: zero(options.at ?? 'Active'),
      hasMetrics: options.hasMetrics ?? true,
    });
    return [autoscaled ? 'autoscaler' : 'operator', scaleTo];
  };
  const rows: [string, [string, number | undefined], Parameters<typeof stable>[0], Parameters<typeof stable>[1]?][] = [
    [
      'does not exist: created with its size',
      ['operator', 2],
      { exists: false, replicas: 0, ready: 0, hasAutoscaler: false },
    ],
    ['without a Ready pod: the operator sets the count', ['operator', undefined], { ready: 0, hasAutoscaler: false }],
    ['with a Ready pod: an autoscaler', ['autoscaler', undefined], { ready: 1, hasAutoscaler: false }],
    ['with an autoscaler and no Ready pod: keeps it', ['autoscaler', undefined], { ready: 0 }],
    ['scaled up by its autoscaler: not touched', ['autoscaler', undefined], { replicas: 5 }],
    ['below the minimum: scaled to it', ['autoscaler', 2], { replicas: 1 }],
    ['at 0 by hand: scaled to the size', ['autoscaler', 4], { replicas: 0 }, { size: 4 }],
    ['without metrics: the operator keeps the count', ['operator', undefined], { replicas: 5 }, { hasMetrics: false }],
    ['without metrics above the maximum: scaled down to it', ['operator', 6], { replicas: 9 }, { hasMetrics: false }],
    ['with a fixed count: restored', ['operator', 3], { replicas: 5 }, { of: fixed, size: 3 }],
    ['with a fixed count that is right: not touched', ['operator', undefined], { replicas: 3 }, { of: fixed, size: 3 }],
    ['at zero with a pod: scaled to 0', ['operator', 0], { replicas: 1 }, { at: 'AtZero' }],
    ['at zero: not touched', ['operator', undefined], { replicas: 0 }, { at: 'AtZero' }],
  ];
  for (const [title, expected, change, options] of rows)
    it(title, () => expect(stable(change, options)).to.deep.equal(expected));
});

describe('the stable revision during a rollout', () => {
  const frozen = (change: Partial<RevisionState>, at: ScaleToZero['state'], activator = true) =>
    frozenScaling(state(change), zero(at), { ...(activator && { activator: {} }) } as ObservedPipeline);

  it('keeps its size and its autoscaler', () => {
    expect(frozen({}, 'Active')).to.deep.equal({ autoscaled: true, scalingFrozen: true, scaleTo: undefined });
    expect(frozen({ hasAutoscaler: false }, 'Active').autoscaled).to.equal(false);
  });

  it('at 0 replicas is scaled to 1, unless an activator takes its requests', () => {
    expect(frozen({ replicas: 0 }, 'NoActivator').scaleTo).to.equal(1);
    expect(frozen({ replicas: 0 }, 'AtZero').scaleTo).to.equal(undefined);
    expect(frozen({ replicas: 0 }, 'NoActivator', false).scaleTo).to.equal(undefined);
    expect(frozen({ replicas: 0, exists: false }, 'NoActivator').scaleTo).to.equal(undefined);
  });
});

describe('the candidate', () => {
  const rows: [string, Partial<RevisionState>, number | undefined][] = [
    ['is created with its size', { exists: false, replicas: 0, pods: 0 }, 4],
    ['of another size is scaled to it', { replicas: 1 }, 4],
    ['of its size is not touched', { replicas: 4 }, undefined],
    ['at 0 replicas waits until its old pods are gone', { replicas: 0, pods: 1 }, undefined],
    ['at 0 replicas without pods is scaled up', { replicas: 0, pods: 0 }, 4],
  ];
  for (const [title, change, scaleTo] of rows)
    it(title, () =>
      expect(candidateScaling(state(change), 4)).to.deep.equal({ autoscaled: false, scalingFrozen: false, scaleTo }),
    );
});
