import { expect } from 'chai';
import { ANNOTATION } from '../../../../operator/api/labels.ts';
import { deployment } from '../../../../operator/desired/deployment.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { recoverRevisions, type Remains } from '../../../../operator/desired/recover.ts';
import { revisionConfigMap } from '../../../../operator/desired/revision.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import { config, modelVersion, observed, pipeline, verified, wanted } from '../../../support/fixtures/objects.ts';

const script = {
  entry: 'score.ts',
  files: { 'score.ts': 'export const init = () => {}; export const run = (x) => x;' },
};
const owner = pipeline({ scoring: { script: script.files['score.ts'] } });
const revision = wanted(observed({ pipeline: owner, script }));
const configMap = {
  ...revisionConfigMap(owner, revision, script),
  metadata: {
    ...revisionConfigMap(owner, revision, script).metadata,
    annotations: { [ANNOTATION.abandoned]: 'X: y', [ANNOTATION.failureDetail]: 'at init' },
    uid: 'u',
    resourceVersion: '7',
  },
};
const running = (replicas = 1) => {
  const made = deployment(owner, revision, effective(owner.spec));
  return { ...made, spec: { ...made.spec!, replicas } };
};
const remains = (change: Partial<Remains>): Remains => ({
  deployments: [running()],
  revisions: [],
  script: undefined,
  remembered: () => undefined,
  ...change,
});

describe('a revision with pods whose ConfigMap is lost', () => {
  it('is written again byte for byte by the process that read it before', () => {
    const [found] = recoverRevisions(remains({ remembered: () => configMap }));
    const again = revisionConfigMap(owner, found!, {});
    expect(again.data).to.deep.equal(configMap.data);
    expect(again.metadata.annotations).to.deep.equal({
      [ANNOTATION.abandoned]: 'X: y',
      [ANNOTATION.failureDetail]: 'at init',
    });
    expect(again.metadata).not.to.have.any.keys('uid', 'resourceVersion');
  });
  it('after a restart comes from its Deployment, with the script of the spec', () => {
    const [found] = recoverRevisions(remains({ script }));
    expect(found!.record).to.deep.equal(revision.record);
    expect(revisionConfigMap(owner, found!, {}).data!['script.score.ts']).to.equal(script.files['score.ts']);
  });
  it('is Stalled when the script in the spec has changed', () =>
    expect(recoverRevisions(remains({ script: { ...script, files: { 'score.ts': 'other' } } }))).to.deep.equal([]));
  it('is not made again for a Deployment without pods', () =>
    expect(recoverRevisions(remains({ deployments: [running(0)], script }))).to.deep.equal([]));
  it('is not touched while its ConfigMap is there', () =>
    expect(recoverRevisions(remains({ revisions: [revision], script }))).to.deep.equal([]));
  it('a revision without its bytes that the spec asks for: Stalled, with what to do', () => {
    const plan = planRollout(observed({ pipeline: owner, script, deployments: [running()] }), config);
    expect(plan.blocked).to.include({ reason: 'RevisionLost' });
    expect(plan.blocked!.message).to.contain('penstock.dev/restartedAt');
  });
});

describe('a ModelVersion that does not record its user yet', () => {
  const unmarked = modelVersion({}, { ...verified(), usedBy: { count: 0 } });
  it('gets no pods, and the status is not written', () => {
    const plan = planRollout(observed({ modelVersions: { 'iris-1': unmarked } }), config);
    expect([plan.live, plan.blocked?.constructor.name]).to.deep.equal([[], 'ModelUsageNotRecorded']);
  });
});
