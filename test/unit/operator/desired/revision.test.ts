import { expect } from 'chai';
import type { InferencePipelineSpec } from '../../../../operator/api/types.gen.ts';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import { parseRevision, revisionConfigMap } from '../../../../operator/desired/revision.ts';
import { config, modelVersion, observed, pipeline, stored, wanted } from '../../../support/fixtures/objects.ts';

const name = (spec: Partial<InferencePipelineSpec> = {}, change: Partial<ObservedPipeline> = {}) =>
  wanted(observed({ pipeline: pipeline(spec), ...change })).name;
const script = (text: string) => ({ script: { entry: 'score.ts', files: { 'score.ts': text } } });
const scripted: Partial<InferencePipelineSpec> = { scoring: { script: 'x' } };

describe('a revision is named after what reaches pods', () => {
  const same: [string, Partial<InferencePipelineSpec>][] = [
    ['scaling', { scaling: { minReplicas: 4, maxReplicas: 9 } }],
    ['the time that a request waits at zero', { endpoint: { coldStartTimeout: '2m' } }],
    ['rollout', { rollout: { progressDeadline: '1m', revisionHistoryLimit: 1 } }],
  ];
  for (const [what, spec] of same) it(`${what} makes no new revision`, () => expect(name(spec)).to.equal(name()));

  it('the time that a request waits at zero makes no new one beside other settings of the endpoint', () => {
    const endpoint = { requestTimeout: '9s' };
    expect(name({ endpoint: { ...endpoint, coldStartTimeout: '2m' } })).to.equal(name({ endpoint }));
  });

  const other: [string, Partial<InferencePipelineSpec>][] = [
    ['the target', { target: 'Production' }],
    ['a variable', { environment: { variables: [{ name: 'A', value: 'b' }] } }],
    ['resources', { resources: { limits: { cpu: 2 } } }],
    ['a timeout', { endpoint: { requestTimeout: '9s' } }],
    ['the size of batches', { scoring: { maxBatchSize: 7 } }],
    ['a scoring test', { scoring: { test: { request: '{}' } } }],
    ['placement', { placement: { nodeSelector: { a: 'b' } } }],
    ['pod labels', { podMetadata: { labels: { team: 'x' } } }],
    ['the account', { serviceAccountName: 'other' }],
  ];
  for (const [what, spec] of other) it(`${what} makes a new one`, () => expect(name(spec)).not.to.equal(name()));

  it('a changed letter of the script makes a new revision', () =>
    expect(name(scripted, script('a'))).not.to.equal(name(scripted, script('b'))));
  it('another digest makes a new revision', () => {
    const moved = modelVersion();
    moved.status!.digest = `sha256:${'b'.repeat(64)}`;
    expect(name({}, { modelVersions: { 'iris-1': moved } })).not.to.equal(name());
  });
  it('a moved source with the same digest makes a new revision, because pods fetch from it', () => {
    expect(
      name({}, { modelVersions: { 'iris-1': modelVersion({ source: { uri: 'https://models.example/iris.onnx' } }) } }),
    ).not.to.equal(name());
  });
  it('penstock.dev/restartedAt makes a new one', () => {
    const one = pipeline();
    one.metadata.annotations = { 'penstock.dev/restartedAt': 'now' };
    expect(name({}, { pipeline: one })).not.to.equal(name());
  });
  it('another scorer image makes no new revision', () => {
    const seen = observed();
    expect(wanted(seen, { ...config, scorerImage: 'penstock/scorer:new' }).name).to.equal(name());
  });
});

describe('a stored revision', () => {
  it('is used as it is stored', () => {
    const old = stored(
      {},
      {
        record: {
          pipeline: 'iris',
          createdAt: '2026-11-23T12:00:00Z',
          target: 'Development',
          models: [],
          image: 'penstock/scorer:old',
        },
      },
    );
    expect(wanted(observed({ revisions: [old] }))).to.equal(old);
  });
  it('is read from its ConfigMap', () => {
    const revision = wanted(observed({ pipeline: pipeline(scripted), ...script('export const run = 1') }));
    const configMap = revisionConfigMap(pipeline(scripted), revision, {
      files: { 'score.ts': 'export const run = 1' },
      binaries: { 'vocab.bin': '//4=' },
    });
    expect(configMap.immutable).to.be.true;
    expect(configMap.data).to.include({ 'script.score.ts': 'export const run = 1' });
    expect(configMap.binaryData).to.deep.equal({ 'script.vocab.bin': '//4=' });
    expect(parseRevision(configMap)).to.deep.include({
      name: revision.name,
      record: revision.record,
      podTemplate: revision.podTemplate,
    });
  });
});

describe('what stands in the way of a revision', () => {
  const rows: [string, Partial<ObservedPipeline>, string, string][] = [
    [
      'a model that does not exist',
      { modelVersions: {} },
      'ModelNotReady',
      'ModelVersion iris-1 does not exist in this namespace',
    ],
    [
      'a model that is not verified',
      { modelVersions: { 'iris-1': modelVersion({}, { observedGeneration: 1 }) } },
      'Verifying',
      'ModelVersion iris-1: not verified yet',
    ],
    [
      'a model whose newest generation is not verified',
      { modelVersions: { 'iris-1': { ...modelVersion(), metadata: { ...modelVersion().metadata, generation: 2 } } } },
      'ModelNotReady',
      'ModelVersion iris-1: not verified yet',
    ],
    [
      'a script that is missing',
      { pipeline: pipeline(scripted), scriptProblem: 'ConfigMap s is gone' },
      'ResourceNotReady',
      'ConfigMap s is gone',
    ],
    [
      'a script that is too large',
      { pipeline: pipeline(scripted), ...script('x'.repeat(800_000)) },
      'InvalidSpec',
      "the script's files are 782 KiB together",
    ],
    [
      'a model without code that is not ONNX',
      { modelVersions: { 'iris-1': modelVersion({ format: 'Files' }) } },
      'InvalidSpec',
      'add spec.scoring.script',
    ],
  ];
  for (const [sentence, change, reason, message] of rows) {
    it(sentence, () => {
      try {
        wanted(observed(change));
        expect.fail('nothing stood in the way');
      } catch (error) {
        expect(error).to.include({ reason });
        expect((error as Error).message).to.contain(message);
      }
    });
  }
});
