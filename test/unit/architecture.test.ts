/** The rooms and who may import whom. A room not in the table fails, so that a new wall is a decision. */
import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');
const MAX_LINES = 250;

/** Room → rooms of ours and packages it may import. `type:` allows `import type` only. */
const ROOMS: Record<string, string[]> = {
  'packages/contract': [],
  'packages/server': ['packages/contract', 'prom-client', 'winston', 'node:*'],
  'packages/kube/api': ['kubernetes-types'],
  'packages/kube/client': ['packages/kube/api', '@kubernetes/client-node', 'undici', 'node:*'],
  'packages/kube/cache': ['packages/kube/api', 'packages/kube/client', 'node:timers/promises'],
  'packages/kube/controller': [
    'packages/kube/api',
    'packages/kube/client',
    'packages/server',
    'prom-client',
    'node:crypto',
  ],
  'operator/api': ['packages/kube/api', 'packages/kube/controller/result.ts', 'packages/contract'],
  'operator/desired': [
    'operator/api',
    'operator/desired/sources',
    'packages/kube/api',
    'packages/contract',
    'kubernetes-types',
    'node:crypto',
  ],
  'operator/desired/sources': ['operator/api', 'packages/contract', 'kubernetes-types'],
  'operator/status': ['operator/api', 'packages/kube/api', 'packages/contract', 'kubernetes-types'],
  'operator/plan': ['operator/api', 'operator/desired', 'packages/kube/api', 'packages/contract', 'kubernetes-types'],
  'operator/apply': [
    'operator/api',
    'type:operator/caches',
    'type:packages/kube/client',
    'packages/kube/api',
    'packages/kube/controller/result.ts',
    'kubernetes-types',
    'node:util',
    'node:crypto',
  ],
  'operator/caches': ['operator/api', 'packages/kube/*', 'packages/contract', 'kubernetes-types'],
  'operator/triggers': ['operator/api', 'type:operator/caches', 'packages/kube/*'],
  'operator/observe': [
    'operator/api',
    'operator/desired',
    'type:operator/caches',
    'type:operator/scorers',
    'type:packages/kube/client',
    'type:packages/kube/cache',
    'packages/kube/api',
    'packages/server/auth.ts',
    'packages/contract',
    'kubernetes-types',
    'node:crypto',
  ],
  'operator/reconcile': [
    'operator/api',
    'operator/observe',
    'operator/desired',
    'operator/status',
    'operator/plan',
    'operator/apply',
    'type:operator/caches',
    'packages/kube/*',
  ],
  'operator/scorers': ['operator/api', 'packages/kube/api', 'packages/contract', 'kubernetes-types', 'node:http'],
  'operator/metricsapi': [
    'operator/api',
    'operator/apply',
    'operator/scorers',
    'packages/contract',
    'packages/kube/*',
    'packages/server',
    'kubernetes-types',
    '@peculiar/x509',
    'reflect-metadata',
    'node:*',
  ],
  'operator/activator': [
    'operator/api',
    'operator/caches/indexes.ts',
    'packages/contract',
    'packages/kube/*',
    'packages/server',
    'prom-client',
    'node:*',
  ],
  operator: ['*'],
  'scorer-image/fetch': ['scorer-image', 'scorer-image/fetch/sources', 'packages/contract', 'node:*'],
  'scorer-image/fetch/sources': ['scorer-image', 'scorer-image/fetch', 'packages/contract', 'undici', 'node:*'],
  'scorer-image/install': [
    'scorer-image',
    'scorer-image/fetch/sources/agent.ts',
    'packages/contract',
    'tar-stream',
    'undici',
    'node:*',
  ],
  'scorer-image/onnx': ['packages/contract', 'protobufjs', 'node:*'],
  'scorer-image/rows': ['packages/contract', 'scorer-image/onnx'],
  'scorer-image/tensor': ['scorer-image', 'packages/contract'],
  'scorer-image/script': ['scorer-image', 'packages/contract', 'esbuild', 'node:*'],
  'scorer-image/model': [
    'scorer-image',
    'scorer-image/onnx',
    'scorer-image/rows',
    'scorer-image/tensor',
    'packages/contract',
    'onnxruntime-node',
    'node:*',
  ],
  'scorer-image/init': ['scorer-image', 'packages/contract'],
  'scorer-image/protocols': [
    'scorer-image/rejections.ts',
    'scorer-image/tensor',
    'scorer-image/script',
    'packages/contract',
    'node:http',
    'node:v8',
  ],
  'scorer-image/predictors': [
    'scorer-image/rejections.ts',
    'scorer-image/model',
    'scorer-image/tensor',
    'type:scorer-image/script',
    'type:scorer-image/protocols',
    'packages/contract',
  ],
  'scorer-image/run': [
    'scorer-image',
    'scorer-image/predictors',
    'scorer-image/protocols',
    'scorer-image/model',
    'scorer-image/tensor',
    'scorer-image/script',
    'scorer-image/init',
    'packages/server/messageHeaders.ts',
    'packages/contract',
    'node:*',
  ],
  'scorer-image/http': [
    'scorer-image',
    'type:scorer-image/run',
    'type:scorer-image/protocols',
    'scorer-image/init',
    'scorer-image/metrics',
    'packages/contract',
    'packages/server',
    'express',
    'node:*',
  ],
  'scorer-image/metrics': ['packages/contract', 'prom-client', 'node:*'],
  'scorer-image': ['*'],
  crds: ['js-yaml', 'json-schema-to-typescript', 'node:*'],
  'hack/cluster': ['execa', 'js-yaml', 'undici', 'node:*'],
  hack: ['*'],
  cli: [
    'packages/kube/api',
    'operator/api',
    'operator/desired',
    'operator/plan',
    'packages/contract',
    'kubernetes-types',
    'js-yaml',
    'ajv',
    '@marcbachmann/cel-js',
    'node:*',
  ],
};
/** Rooms without a clock, a network, a process or chance. */
const PURE = [
  'packages/contract',
  'packages/kube/api',
  'operator/api',
  'operator/desired',
  'operator/desired/sources',
  'operator/status',
  'operator/plan',
  'scorer-image/rows',
];
const IMPURE = /\b(process\.|Date\.now|new Date\(\)|Math\.random|setTimeout|fetch\()/;

const filesOf = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: root }).filter((file) => !/node_modules|dist\//.test(file));
const programs = filesOf('packages/**/*.ts', 'operator/**/*.ts', 'scorer-image/**/*.ts', 'cli/**/*.ts');
const sources = [...programs, ...filesOf('crds/*.ts', 'hack/**/*.ts')];
const all = [...sources, ...filesOf('test/**/*.ts', 'examples/**/*.ts')];
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const roomOf = (file: string): string => dirname(file);

function importsOf(file: string): { target: string; typeOnly: boolean }[] {
  return [
    ...read(file).matchAll(
      /^\s*(import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|import\('([^']+)'\)/gm,
    ),
  ].map((match) => {
    const name = match[3] ?? match[4] ?? match[5] ?? '';
    const typeOnly = match[2] !== undefined;
    if (name.startsWith('.')) return { target: relative(root, join(root, dirname(file), name)), typeOnly };
    if (name === '@penstock/contract') return { target: 'packages/contract/contract.ts', typeOnly };
    const [, path] = /^@penstock\/(.+)$/.exec(name) ?? [];
    return { target: path === undefined ? name : `packages/${path}.ts`, typeOnly };
  });
}

function allowed(room: string, target: string, typeOnly: boolean): boolean {
  const rules = ROOMS[room]!;
  const isFile = /\.(ts|json)$/.test(target);
  const name = isFile
    ? roomOf(target)
    : target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/');
  if (rules.includes('*') || name === room) return true;
  if (!isFile && builtinModules.includes(target.replace('node:', '')) && rules.includes('node:*')) return true;
  return (
    rules.some((rule) => rule.endsWith('/*') && name.startsWith(rule.slice(0, -1))) ||
    rules.includes(name) ||
    rules.includes(target) ||
    (typeOnly && (rules.includes(`type:${name}`) || rules.includes(`type:${target}`) || name === 'kubernetes-types'))
  );
}

/** The circles of imports, type imports too, that a depth-first search meets: `a → b → a`. */
function circlesOf(
  files: string[],
  imports = (file: string) => importsOf(file).map(({ target }) => target),
  path: string[] = [],
  done = new Set<string>(),
): string[] {
  return files.flatMap((file) => {
    if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' → ')];
    if (done.has(file)) return [];
    const known = imports(file).filter((target) => /^\w$|\.ts$/.test(target) && !target.endsWith('.gen.ts'));
    const circles = circlesOf(known, imports, [...path, file], done);
    done.add(file);
    return circles;
  });
}

describe('architecture', () => {
  for (const file of sources) {
    it(`${file} imports only what its room may`, () => {
      expect(ROOMS, `room ${roomOf(file)} is not in the table`).to.have.property(roomOf(file));
      const broken = importsOf(file).filter(({ target, typeOnly }) => !allowed(roomOf(file), target, typeOnly));
      expect(broken.map(({ target }) => target)).to.deep.equal([]);
    });
  }

  it('no program imports a command of the checkout or a test', () => {
    const imports = programs.flatMap((file) => importsOf(file).map(({ target }) => ({ file, target })));
    expect(imports.filter(({ target }) => /^(hack|crds|test)\//.test(target))).to.deep.equal([]);
  });

  it('no source file is longer than 250 lines', () => {
    const long = all.filter(
      (file) => !file.endsWith('.gen.ts') && !file.startsWith('test/') && read(file).split('\n').length > MAX_LINES + 1,
    );
    expect(long).to.deep.equal([]);
  });

  it('a reconcile is at most 60 lines', () => {
    for (const file of globSync('operator/reconcile/*.ts', { cwd: root })) {
      const body = /^export async function reconcile\w+[\s\S]*?^}/m.exec(read(file))?.[0] ?? '';
      expect(body.split('\n').length, file).to.be.at.most(60);
    }
  });

  it('no files import each other in a circle', () => {
    expect(circlesOf(sources)).to.deep.equal([]);
  });

  it('a circle of imports is found', () => {
    const imports: Record<string, string[]> = { a: ['b'], b: ['c', 'd'], c: ['b'], d: [] };
    expect(circlesOf(['a', 'b', 'c', 'd'], (file) => imports[file]!)).to.deep.equal(['b → c → b']);
  });

  it('only config.ts reads the environment', () => {
    const readers = programs.filter((file) => /process\.env/.test(read(file)) && !file.endsWith('config.ts'));
    expect(readers).to.deep.equal([]);
  });

  it('pure rooms have no clock, network, process or chance', () => {
    const impure = sources.filter(
      (file) => PURE.includes(roomOf(file)) && IMPURE.test(read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')),
    );
    expect(impure).to.deep.equal([]);
  });

  it('the operator never depends on onnxruntime, the scorer never on client-node', () => {
    expect(read('operator/package.json')).not.to.contain('onnxruntime');
    expect(read('scorer-image/package.json')).not.to.contain('client-node');
  });
});
