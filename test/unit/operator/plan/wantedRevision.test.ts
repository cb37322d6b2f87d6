/** Why a pipeline has no wanted revision: the first check that finds something. */
import { expect } from 'chai';
import { ModelUsageNotRecorded, Stalled, Waiting } from '../../../../operator/api/flow.ts';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import type { RenderConfig } from '../../../../operator/api/renderConfig.ts';
import type { InferencePipelineSpec, ModelVersion } from '../../../../operator/api/types.gen.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { specProblem, wantedRevision } from '../../../../operator/plan/wantedRevision.ts';
import {
  config,
  deploymentOf,
  modelVersion,
  observed,
  pipeline,
  stableService,
  stored,
  verified,
  wanted,
} from '../../../support/fixtures/objects.ts';

const status = verified();
const of = (change: Partial<ModelVersion['status']> & object): { modelVersions: Record<string, ModelVersion> } => ({
  modelVersions: { 'iris-1': modelVersion({}, { ...status, ...change }) },
});
const ready = (change: object) => of({ conditions: [{ ...status.conditions![0]!, ...change }] });
const spec = (change: Partial<InferencePipelineSpec>) => ({ pipeline: pipeline(change) });
const found = (change: Partial<ObservedPipeline>) => {
  const seen = observed(change);
  return wantedRevision(seen, effective(seen.pipeline.spec), config);
};
const blocked = (change: Partial<ObservedPipeline>): Stalled | Waiting | undefined => {
  const result = found(change);
  return 'blocked' in result ? result.blocked : undefined;
};

describe('a pipeline waits', () => {
  const deleting = modelVersion();
  deleting.metadata.deletionTimestamp = '2026-11-23T12:00:00Z';
  const rows: [string, Partial<ObservedPipeline>, string, string][] = [
    [
      'for a ModelVersion that does not exist',
      { modelVersions: {} },
      'ModelNotReady',
      'does not exist in this namespace',
    ],
    ['for one that is being deleted', { modelVersions: { 'iris-1': deleting } }, 'ModelNotReady', 'is being deleted'],
    ['for one without a condition', of({ conditions: [] }), 'Verifying', 'ModelVersion iris-1: not verified yet'],
    [
      'for one that is not verified, with its message',
      ready({ status: 'False', reason: 'ModelLoadFailed', message: 'not ONNX' }),
      'ModelNotReady',
      'ModelVersion iris-1: not ONNX',
    ],
    [
      'for one with another digest, by that reason',
      ready({ status: 'False', reason: 'DigestMismatch', message: 'another' }),
      'DigestMismatch',
      'ModelVersion iris-1: another',
    ],
    [
      'for one that was verified at an older generation',
      of({ observedGeneration: 0 }),
      'ModelNotReady',
      'not verified yet',
    ],
    ['for one without a digest', of({ digest: '' }), 'ModelNotReady', 'not verified yet'],
    [
      'for the file of its script',
      {
        ...spec({ scoring: { scriptFrom: { configMap: { name: 'code' } } } } as never),
        scriptProblem: 'no key score.ts',
      },
      'ResourceNotReady',
      'no key score.ts',
    ],
    [
      'until the ModelVersion records that it is in use',
      of({ usedBy: { count: 0 } }),
      'ModelNotReady',
      'ModelVersion iris-1 is about to be marked as in use',
    ],
  ];
  for (const [title, change, reason, message] of rows)
    it(title, () => {
      const why = blocked(change);
      expect(why).to.be.instanceOf(Waiting);
      expect(why!.reason).to.equal(reason);
      expect(why!.message).to.contain(message);
    });

  it('without a status for the usage of a model, which takes a moment', () =>
    expect(blocked(of({ usedBy: { count: 0 } }))).to.be.instanceOf(ModelUsageNotRecorded));

  it('no longer for the usage once its Deployment exists', () => {
    const revision = stored();
    expect(
      blocked({ ...of({ usedBy: { count: 0 } }), revisions: [revision], deployments: [deploymentOf(revision, 1, 1)] }),
    ).to.equal(undefined);
  });
});

describe('a pipeline is Stalled', () => {
  const files = modelVersion({ format: 'Files' });
  const large = (bytes: number) => ({
    ...spec({ scoring: { script: 'x' } }),
    script: { entry: 'score.ts', files: { 'score.ts': 'x'.repeat(bytes) } },
  });

  it('with a model of format Files and no script', () => {
    const why = blocked({ modelVersions: { 'iris-1': files } });
    expect(why).to.be.instanceOf(Stalled).and.include({ reason: 'InvalidSpec' });
    expect(why!.message).to.contain('model iris has format Files');
    const script = { entry: 'score.ts', files: { 'score.ts': 'x' } };
    expect(blocked({ modelVersions: { 'iris-1': files }, ...spec({ scoring: { script: 'x' } }), script })).to.equal(
      undefined,
    );
  });

  it('with a script above 768 KiB', () => {
    expect(blocked(large(768 * 1024))).to.equal(undefined);
    expect(blocked(large(768 * 1024 + 1))?.message).to.contain('are 769 KiB together, at most 768');
  });

  it('when the ConfigMap of a revision with pods is lost', () => {
    const revision = stored();
    const lost = blocked({ deployments: [deploymentOf(revision, 1, 1)] });
    expect(lost).to.be.instanceOf(Stalled).and.include({ reason: 'RevisionLost' });
    expect(lost!.message).to.contain(revision.name).and.contain('penstock.dev/restartedAt');
    expect(blocked({ deployments: [deploymentOf(revision, 0, 0)] })).to.equal(undefined);
    expect(blocked({ deployments: [deploymentOf({ ...revision, name: 'other' }, 1, 1)] })).to.equal(undefined);
  });
});

describe('the wanted revision', () => {
  it('is the stored one of that name, or a new one', () => {
    const revision = stored();
    const result = found({ revisions: [revision] });
    expect('wanted' in result && result.wanted).to.equal(revision);
    const fresh = found({});
    expect('wanted' in fresh && fresh.wanted.name).to.equal(revision.name);
  });
});

describe('the pods of a script in Python', () => {
  const python = {
    pipeline: pipeline({ scoring: { scriptFrom: { configMap: { name: 'code', key: 'score.py' } } } }),
    script: {
      entry: 'score.py',
      files: { 'score.py': 'x' },
      requirements: `numpy==2.0 --hash=sha256:${'a'.repeat(64)}`,
    },
  };
  const claimed = { ...config, python: { ...config.python, cacheClaim: 'packages' } };
  const claimsOf = (packageCache: boolean): unknown[] => {
    const seen = observed({ ...python, packageCache });
    const result = wantedRevision(seen, effective(seen.pipeline.spec), claimed);
    const { podTemplate } = 'wanted' in result ? result.wanted : expect.fail('blocked');
    return podTemplate.spec!.volumes!.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim ?? []);
  };
  it('mount the cache of packages where the namespace has its claim', () => {
    expect(claimsOf(true)).to.deep.equal([{ claimName: 'packages' }]);
    expect(claimsOf(false)).to.deep.equal([]);
  });
});

describe('a server of the user\u2019s own', () => {
  const server = { image: 'team/scorer:1', server: { port: 5001 } };
  it('can serve a model of format Files, or none', () => {
    const files = modelVersion({ format: 'Files' }, status);
    expect(blocked({ ...spec({ environment: server }), modelVersions: { 'iris-1': files } })).to.equal(undefined);
    expect(blocked({ ...spec({ environment: server, models: [] }), modelVersions: {} })).to.equal(undefined);
  });
});

describe('manifests alone', () => {
  it('have the problems of the spec only', () => {
    expect(specProblem({ pipeline: pipeline(), modelVersions: { 'iris-1': modelVersion({}, {}) } })).to.equal(
      undefined,
    );
    expect(specProblem({ pipeline: pipeline(), modelVersions: {} })?.message).to.contain('has format Files');
  });
});

describe('the scorer image of the wanted revision', () => {
  const NEW = 'penstock/scorer:new';
  const first = stored();
  const asked = pipeline();
  asked.metadata.annotations = { 'penstock.dev/refreshScorer': 'true' };
  const refreshed = (change: Partial<ObservedPipeline> = {}, settings: Partial<RenderConfig> = {}) =>
    wanted(observed({ revisions: [first], ...change }), { ...config, scorerImage: NEW, ...settings });
  const second = refreshed({ pipeline: asked });

  it('is that of the stored revision, if neither the user nor the chart asks for another', () =>
    expect(refreshed()).to.equal(first));

  it('is the new one for a pipeline with the annotation, and for all with updatePolicy Immediate', () => {
    expect(second.record).to.include({ image: NEW, refreshOf: first.name });
    expect(second.name).not.to.equal(first.name);
    expect(refreshed({}, { refreshAll: true }).name).to.equal(second.name);
  });

  it('is the old one until it is the turn of the pipeline; a rollout that has begun goes on', () => {
    expect(refreshed({ pipeline: asked, mayRefresh: false })).to.equal(first);
    expect(refreshed({ pipeline: asked, mayRefresh: false, revisions: [first, second] })).to.equal(second);
  });

  it('stays the new one without the annotation', () => {
    const both = { revisions: [first, second] };
    const serves = { ...both, service: stableService(second) };
    expect(refreshed(serves)).to.equal(second);
    expect(refreshed({ revisions: [second] })).to.equal(second);
  });

  it('is that of the spec’s first revision while that one serves', () =>
    expect(refreshed({ revisions: [first, second], service: stableService(first) })).to.equal(first));
});
