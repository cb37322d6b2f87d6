/** The documentation names what exists in the code, and uses plain words. */
import { expect } from 'chai';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const files = (...patterns: string[]): string[] => globSync(patterns, { cwd: root });

const rooms = ['packages', 'operator', 'scorer-image', 'cli', 'crds'];
const sources = files(...rooms.map((room) => `${room}/**/*.ts`)).filter((file) => !/node_modules|dist\//.test(file));
const pages = files('*.md', 'docs/*.md', 'docs/adr/*.md');
const tests = files('test/**/*.{ts,mjs,sh}').filter((file) => file !== 'test/unit/docs.test.ts');
const charts = files('charts/**/*.yaml', 'charts/**/*.txt', 'crds/*.yaml');

/** Words that CONTRIBUTING.md asks to avoid: pronouns for clients, pods and programs, and rare idioms. */
const AVOIDED =
  /\b(nobody|somebody|anybody|whoever|whomever|who does not|last words|in vain|mend|mends|mended|anew)\b/i;

describe('the documentation', () => {
  it('explains only terms that are names in the code', () => {
    const code = [...sources, 'test/unit/architecture.test.ts'].map(read).join('\n');
    const terms = [...read('docs/glossary.md').matchAll(/\(`(\w+)`\)/g)].map(([, term]) => term!);
    expect(terms).to.have.length.greaterThan(40);
    expect(terms.filter((term) => !new RegExp(`\\b${term}\\b`).test(code))).to.deep.equal([]);
  });

  const steps = [...read('docs/architecture.md').matchAll(/^ *([\w/-]+\.ts) +([A-Z]\w+\.)?([\w]+)(?:, (\w+))?/gm)];
  it('follows a pipeline and a model through the code', () => {
    expect(steps).to.have.length.greaterThan(25);
  });
  for (const [, path, , first, second] of steps) {
    const file = [path!, `operator/${path}`, `packages/${path}`].find((candidate) => existsSync(join(root, candidate)));
    it(`names steps of ${path} that exist: ${[first, second].filter(Boolean).join(', ')}`, () => {
      expect(file, path).not.to.equal(undefined);
      for (const step of [first, second].filter((name) => name !== undefined))
        expect(read(file!)).to.match(new RegExp(`(function |async |^  |const )${step}\\b`, 'm'));
    });
  }

  it('names only commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run (?:-s |--silent )?([\w:]+)/g)].map(([, name]) => `${page}: ${name!}`),
    );
    expect(named.filter((one) => !(one.split(': ')[1]! in scripts))).to.deep.equal([]);
  });

  it('names only files that exist', () => {
    const prefixes = ['', 'operator/', 'packages/'];
    const missing = pages
      .filter((page) => !page.startsWith('docs/adr/'))
      .flatMap((page) =>
        [...read(page).matchAll(/`([\w-]+(?:\/[\w.-]+)*\/[\w-]+\.(?:ts|mjs|py|sh))`/g)]
          .filter(([, path]) => !prefixes.some((prefix) => existsSync(join(root, prefix + path!))))
          .map(([, path]) => `${page}: ${path!}`),
      );
    expect(missing).to.deep.equal([]);
  });

  it('and the code use plain words', () => {
    const found = [...sources, ...tests, ...pages, ...charts].flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, i) => (AVOIDED.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
    );
    expect(found).to.deep.equal([]);
  });

  it('and the code have comments of at most 120 columns', () => {
    const all = [...sources, ...files('{hack,test}/**/*.ts', '*.ts')].filter((file) => !file.endsWith('.gen.ts'));
    const wide = all.flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, i) => (line.length > 120 && /^\s*(\/\/|\/?\*)/.test(line) ? [`${file}:${i + 1}`] : [])),
    );
    expect(wide).to.deep.equal([]);
  });
});
