/**
 * The docs hold: manifests are taken by the API server, links lead somewhere, every reason and dependency has its line.
 */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as yaml from 'js-yaml';
import { FAILURE } from '@penstock/contract';
import { CONDITION, REASON } from '../../../operator/api/reasons.ts';
import { startApi, type Api } from '../../support/fixtures/operator.ts';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pages = ['README.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })];
const PACKAGES = ['package.json', ...globSync('{packages/*,operator,scorer-image}/package.json', { cwd: root })];
const examples = globSync('examples/**/*.yaml', { cwd: root });

describe('the docs', function () {
  this.timeout(90_000);
  let api: Api;
  before(async () => {
    api = await startApi();
  });
  after(() => api.stop());

  const blocks = pages.flatMap((page) =>
    [...read(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text], i): [string, string] => [
      `${page}, block ${i + 1}`,
      text!,
    ]),
  );
  for (const [where, text] of [...examples.map((file): [string, string] => [file, read(file)]), ...blocks]) {
    it(`${where} is taken by the API server`, () =>
      api.run(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], text));
  }

  for (const page of pages) {
    it(`links of ${page} lead somewhere`, () => {
      const links = [...read(page).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(([, link]) => link!);
      expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).to.deep.equal([]);
    });
  }

  it('commands of the README exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read('README.md').matchAll(/npm run (\w+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).to.deep.equal([]);
  });

  it('every reason is explained', () => {
    const page = read('docs/errors.md');
    const conditions = new Set<string>(Object.values(CONDITION));
    const reasons = [...Object.values(REASON), ...Object.values(FAILURE)].filter((reason) => !conditions.has(reason));
    expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).to.deep.equal([]);
  });

  it('every dependency has its line', () => {
    const page = read('docs/dependencies.md');
    const named = PACKAGES.flatMap((file) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(file)) as {
        dependencies?: Record<string, string>;
        devDependencies?: Record<string, string>;
      };
      return Object.keys({ ...dependencies, ...devDependencies });
    });
    expect(
      named.filter((name) => !name.startsWith('@penstock/') && !name.startsWith('@types/') && !page.includes(name)),
    ).to.deep.equal([]);
  });

  it('versions are exact', () => {
    for (const file of PACKAGES) {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(file)) as {
        dependencies?: Record<string, string>;
        devDependencies?: Record<string, string>;
      };
      expect(
        Object.entries({ ...dependencies, ...devDependencies }).filter(
          ([name, version]) => !name.startsWith('@penstock/') && !/^(npm:@?[\w/]+@)?\d+\.\d+\.\d+$/.test(version),
        ),
        file,
      ).to.deep.equal([]);
    }
  });

  for (const [manifest, file] of [
    ['examples/iris/01-model.yaml', 'examples/iris/training/iris.onnx'],
    ['examples/azure-score-py/02-model.yaml', 'examples/azure-score-py/training/your_model_file.pkl'],
  ] as const)
    it(`${manifest} holds the trained model and its digest`, () => {
      const [configMap, model] = yaml.loadAll(read(manifest)) as [
        { binaryData: Record<string, string> },
        { spec: { digest: string } },
      ];
      const bytes = readFileSync(join(root, file));
      expect(Buffer.from(configMap.binaryData[basename(file)]!, 'base64').equals(bytes)).to.be.true;
      expect(model.spec.digest).to.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    });

  it('the examples’ manifests hold the examples’ scripts', () => {
    const pipeline = yaml.load(read('examples/iris-script/pipeline.yaml')) as { spec: { scoring: { script: string } } };
    expect(pipeline.spec.scoring.script).to.equal(read('examples/iris-script/score.ts'));
    const { data } = yaml.load(read('examples/azure-score-py/01-script.yaml')) as { data: Record<string, string> };
    const source = 'examples/azure-score-py/source';
    expect(data).to.deep.equal({
      'score.py': read(`${source}/score.py`),
      'requirements.txt': read(`${source}/requirements.txt`),
    });
    const npm = yaml.load(read('examples/npm-packages/01-script.yaml')) as { data: Record<string, string> };
    expect(npm.data).to.deep.equal({
      'score.ts': read('examples/npm-packages/source/score.ts'),
      'package-lock.json': read('examples/npm-packages/source/package-lock.json'),
    });
  });
});
