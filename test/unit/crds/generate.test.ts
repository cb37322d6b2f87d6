import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import { apiReference, generated, typeFiles } from '../../../crds/generate.ts';

const root = join(import.meta.dirname, '../../..');

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  items?: Node;
  required?: string[];
  pattern?: string;
  maxLength?: number;
  type?: string;
  enum?: string[];
  format?: string;
}
const crd = (file: string) =>
  yaml.load(readFileSync(join(root, file), 'utf8')) as { spec: { versions: { schema: { openAPIV3Schema: Node } }[] } };

function* fields(node: Node, path = ''): Generator<[string, Node]> {
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    yield [`${path}.${name}`, property];
    yield* fields(property, `${path}.${name}`);
  }
  if (node.items) yield* fields(node.items, `${path}[]`);
}

describe('what is printed from crds/', () => {
  it('keeps the CRDs when the chart goes', async () => {
    const files = await generated(root);
    for (const name of ['inferencepipelines', 'modelversions'])
      expect(files[`charts/penstock/templates/crds/${name}.yaml`]).to.contain('helm.sh/resource-policy: keep');
  });

  it('has a type and a chapter for each version of a kind', async () => {
    const text = readFileSync(join(root, 'crds/modelversions.yaml'), 'utf8');
    const two = yaml.load(text) as Parameters<typeof typeFiles>[0][number];
    const [old] = two.spec.versions;
    const renamed = structuredClone(old!);
    renamed.schema.openAPIV3Schema.properties!.spec!.properties!.revisionNote = { type: 'string', description: 'New.' };
    two.spec.versions = [
      { ...renamed, name: 'v1beta1' },
      { ...old!, storage: false },
    ];
    const files = await typeFiles([two]);
    expect(files['operator/api/types.gen.ts'])
      .to.contain("apiVersion: 'penstock.dev/v1beta1'")
      .and.contain('revisionNote');
    expect(files['operator/api/types.v1alpha1.gen.ts'])
      .to.contain("apiVersion: 'penstock.dev/v1alpha1'")
      .and.not.contain('revisionNote');
    expect(apiReference([two]).match(/^## .*/gm)).to.deep.equal([
      '## ModelVersion v1beta1 (mver)',
      '## ModelVersion v1alpha1 (mver)',
    ]);
  });

  for (const file of globSync('crds/*.yaml', { cwd: root })) {
    it(`${file} describes every field`, () => {
      const spec = crd(file).spec.versions[0]!.schema.openAPIV3Schema;
      const bare = [...fields(spec)].filter(
        ([path, node]) =>
          !['.apiVersion', '.kind', '.metadata'].includes(path) &&
          !node.description &&
          !/\.(requests|limits)$/.test(path),
      );
      expect(bare.map(([path]) => path).filter((path) => !/\.(configMap)$/.test(path))).to.deep.equal([]);
    });

    it(`${file} bounds every string a user writes, which CEL's cost needs`, () => {
      const spec = crd(file).spec.versions[0]!.schema.openAPIV3Schema.properties!.spec!;
      const loose = [...fields(spec)].filter(
        ([, node]) => node.type === 'string' && !node.enum && node.maxLength === undefined && !node.pattern,
      );
      expect(loose.map(([path]) => path)).to.deep.equal([]);
    });
  }
});
