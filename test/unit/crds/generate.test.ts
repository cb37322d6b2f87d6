import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import { generated } from '../../../crds/generate.ts';

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
