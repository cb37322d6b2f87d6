/** Manifests on this machine: what `penstock serve` renders and refuses. */
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOf, readManifests, UserError, type Manifests } from '../../../cli/manifests.ts';
import { render } from '../../../cli/render.ts';
import type { InferencePipelineSpec } from '../../../operator/api/types.gen.ts';
import { modelVersion, pipeline } from '../../support/fixtures/objects.ts';

const configMap = (name: string, more: object): Manifests['configMaps'][string] => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});
const bytes = Buffer.from([0, 255]).toString('base64');
const manifests = (spec: Partial<InferencePipelineSpec> = {}, more: Partial<Manifests> = {}): Manifests => ({
  pipeline: pipeline(spec),
  modelVersions: { 'iris-1': modelVersion({}, {}) },
  configMaps: { 'iris-model': configMap('iris-model', { binaryData: { 'iris.onnx': bytes } }) },
  ...more,
});
const refusal = (work: () => unknown): string => {
  try {
    work();
    return '';
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    return (error as Error).message;
  }
};

describe('what penstock serve renders', () => {
  it('is the environment of a pod, open and with messages', () => {
    const { env, fetch } = render(manifests(), {});
    expect(env).to.include({
      PENSTOCK_PIPELINE: 'iris',
      PENSTOCK_AUTH: 'None',
      PENSTOCK_EXPOSE_ERRORS: 'true',
      PENSTOCK_CPU_MILLIS: '1000',
    });
    expect(fetch).to.deep.equal([
      { name: 'iris', uri: 'configmap://iris-model/iris.onnx', file: 'iris.onnx', format: 'ONNX' },
    ]);
  });

  it('is refused for a server of the user’s own, which runs in a cluster', () => {
    const server = { environment: { image: 'team/scorer:1', server: { port: 5001 } } };
    expect(refusal(() => render(manifests(server), {}))).to.contain('environment.server runs in a cluster only');
  });

  it('has the decoded files of the model’s ConfigMap', () => {
    const { sources } = render(manifests(), {});
    expect(Object.keys(sources)).to.deep.equal(['iris/iris.onnx']);
    expect([...sources['iris/iris.onnx']!]).to.deep.equal([0, 255]);
  });

  it('has all keys of a ConfigMap where the source names none', () => {
    const all = manifests(
      {},
      {
        modelVersions: { 'iris-1': modelVersion({ source: { uri: 'configmap://iris-model' } }, {}) },
        configMaps: { 'iris-model': configMap('iris-model', { data: { a: 'x' }, binaryData: { b: bytes } }) },
      },
    );
    expect(Object.keys(render(all, {}).sources).sort()).to.deep.equal(['iris/a', 'iris/b']);
  });

  it('has the files of the script', () => {
    expect(render(manifests({ scoring: { script: 'code' } }), {}).script['score.ts']!.toString()).to.equal('code');
    const from = { scoring: { scriptFrom: { configMap: { name: 'code', key: 'main.ts' } } } } as never;
    const code = configMap('code', { data: { 'main.ts': 'a', 'other.ts': 'b' } });
    const { script } = render(manifests(from, { configMaps: { ...manifests().configMaps, code } }), {});
    expect(Object.keys(script).sort()).to.deep.equal(['main.ts', 'other.ts']);
  });

  const variable = (valueFrom: object) => ({ environment: { variables: [{ name: 'A', valueFrom }] } }) as never;
  it('has variables of the manifest, a ConfigMap before the shell, and a Secret from the shell', () => {
    const plain = { environment: { variables: [{ name: 'A', value: 'x' }] } } as never;
    expect(render(manifests(plain), { A: 'shell' }).env.A).to.equal('x');
    const settings = configMap('settings', { data: { a: 'from the file' } });
    const both = manifests(variable({ configMapKeyRef: { name: 'settings', key: 'a' } }), {
      configMaps: { ...manifests().configMaps, settings },
    });
    expect(render(both, { A: 'shell' }).env.A).to.equal('from the file');
    expect(render(manifests(variable({ secretKeyRef: { name: 's', key: 'a' } })), { A: 'shell' }).env.A).to.equal(
      'shell',
    );
  });

  const refusals: [string, Manifests, string][] = [
    [
      'a ModelVersion that is in no file',
      manifests({}, { modelVersions: {} }),
      'ModelVersion iris-1 is in none of the files',
    ],
    [
      'a ConfigMap that is in no file',
      manifests({}, { configMaps: {} }),
      'ConfigMap iris-model of configmap://iris-model',
    ],
    [
      'a key that the ConfigMap does not have',
      manifests({}, { configMaps: { 'iris-model': configMap('iris-model', { data: { other: '' } }) } }),
      'ConfigMap iris-model has no key iris.onnx',
    ],
    [
      'a key that Kubernetes would refuse',
      manifests(
        {},
        { configMaps: { 'iris-model': configMap('iris-model', { data: { 'iris.onnx': '', '..x': '' } }) } },
      ),
      'has the key "..x", which Kubernetes would refuse',
    ],
    [
      'a variable of a Secret',
      manifests(variable({ secretKeyRef: { name: 's', key: 'a' } })),
      'export A in your shell',
    ],
    [
      'a model that needs code',
      manifests({}, { modelVersions: { 'iris-1': modelVersion({ format: 'Files' }, {}) } }),
      'has format Files',
    ],
  ];
  for (const [what, given, message] of refusals)
    it(`is refused for ${what}`, () => expect(refusal(() => render(given, {}))).to.contain(message));
});

describe('the files of manifests', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-manifests-'));
    for (const [name, text] of Object.entries({
      'b.yaml': 'kind: InferencePipeline\nmetadata: { name: iris }\n---\nkind: ConfigMap\nmetadata: { name: c }\n',
      'a.yml': 'kind: ModelVersion\nmetadata: { name: iris-1 }\n',
      'c.json': '{"kind": "InferencePipeline", "metadata": {"name": "rose"}}',
      'd.txt': 'no manifest',
      'broken.yaml.txt': '{',
    }))
      writeFileSync(join(folder, name), text);
  });
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);

  it('of a folder are its YAML and JSON files, sorted', () =>
    expect(filesOf([folder])).to.deep.equal([file('a.yml'), file('b.yaml'), file('c.json')]));

  it('have one pipeline, or one is chosen by name', () => {
    const { pipeline: only, modelVersions, configMaps } = readManifests([file('a.yml'), file('b.yaml')]);
    expect([only.metadata.name, Object.keys(modelVersions), Object.keys(configMaps)]).to.deep.equal([
      'iris',
      ['iris-1'],
      ['c'],
    ]);
    expect(readManifests(filesOf([folder]), 'rose').pipeline.metadata.name).to.equal('rose');
  });

  it('are refused without a pipeline, with several, without the file, and where they are not YAML', () => {
    expect(refusal(() => readManifests([file('a.yml')]))).to.contain('no InferencePipeline in');
    expect(refusal(() => readManifests(filesOf([folder])))).to.equal(
      'there are the pipelines iris, rose: choose one with --pipeline NAME',
    );
    expect(refusal(() => filesOf([file('absent')]))).to.contain('does not exist');
    expect(refusal(() => readManifests([file('broken.yaml.txt')]))).to.contain('broken.yaml.txt: ');
  });
});
