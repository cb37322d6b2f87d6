/** Which children a plan has. */
import { expect } from 'chai';
import type { LiveRevision } from '../../../../operator/api/plan.ts';
import { children } from '../../../../operator/desired/children.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { pipeline, stored } from '../../../support/fixtures/objects.ts';

const spec = { target: 'Production' as const };
const one = stored(spec);
const candidate = stored({ ...spec, endpoint: { requestTimeout: '9s' } });

function kindsOf(...live: Partial<LiveRevision>[]): string[] {
  const settings = effective(pipeline(spec).spec);
  return children({
    pipeline: pipeline(spec),
    effective: settings,
    metrics: settings.metrics,
    stable: one.name,
    live: live.map((change) => ({
      revision: one,
      role: 'stable',
      weightPercent: 100,
      autoscaled: true,
      scalingFrozen: false,
      replicas: 2,
      ready: 2,
      ...change,
    })),
    traffic: { revisions: {}, keyHashes: [] },
    scriptFiles: {},
    initialized: true,
  })
    .flat()
    .map(
      ({ kind, metadata }) => `${kind}/${metadata.name.replace(one.name, 'one').replace(candidate.name, 'candidate')}`,
    );
}

describe('the children of a pipeline', () => {
  const scaling = ['HorizontalPodAutoscaler/one', 'PodDisruptionBudget/one'];

  it('an autoscaled revision has an autoscaler and a disruption budget', () =>
    expect(kindsOf({})).to.include.members(scaling));
  it('a revision whose scaling is frozen gets neither of the new generation', () =>
    expect(kindsOf({ scalingFrozen: true })).not.to.include.oneOf(scaling));
  it('a candidate has its own Service and Deployment', () =>
    expect(kindsOf({}, { revision: candidate, role: 'candidate' })).to.include.members([
      'Service/iris',
      'Service/candidate',
      'Deployment/candidate',
    ]));
  it('a retiring revision gets no children', () =>
    expect(kindsOf({}, { revision: candidate, role: 'retiring' }).join()).not.to.contain('candidate'));
  it('a revision whose ConfigMap was lost gets it again', () => {
    const { configMap: _, ...lost } = one;
    expect(kindsOf({ revision: lost })).to.include('ConfigMap/one');
    expect(kindsOf({})).not.to.include('ConfigMap/one');
  });
});
