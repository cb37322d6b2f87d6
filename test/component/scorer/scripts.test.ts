/**
 * Scripts as people write them: TypeScript that every editor takes, files beside the script, and what is printed at the
 * end.
 */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyHash } from '@penstock/server/auth';
import { SCORER_NODE_FLAGS } from '@penstock/contract';
import { ready, scorerPerTest, type Scorer, type ScorerInput } from '../../support/fixtures/scorer.ts';

const twice = 'export const twice = (x: number): number => 2 * x;\n';
const run = (expression: string): string =>
  `export async function init() {}\nexport async function run(raw: string) { return { y: ${expression} }; }\n`;
const x = 'JSON.parse(raw).x as number';

describe('a TypeScript project as a script', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const score = async (body: string): Promise<unknown> =>
    (await fetch(`${scorer.url}/score`, { method: 'POST', body })).json();

  const projects: [string, Record<string, string>][] = [
    [
      'an import without ending',
      { 'score.ts': `import { twice } from './features.ts';\n${run(`twice(${x})`)}`, 'features.ts': twice },
    ],
    [
      'an import of .js',
      { 'score.ts': `import { twice } from './features.js';\n${run(`twice(${x})`)}`, 'features.ts': twice },
    ],
    [
      'an import of .ts',
      { 'score.ts': `import { twice } from './features.ts';\n${run(`twice(${x})`)}`, 'features.ts': twice },
    ],
    [
      'a type imported without type',
      {
        'score.ts': `import { Answer, twice } from './features.ts';\nconst answer = (y: number): Answer => ({ y });\n${run(`answer(twice(${x})).y`)}`,
        'features.ts': `${twice}export interface Answer { y: number }`,
      },
    ],
    [
      'a type exported again',
      {
        'score.ts': `import { twice } from './all.ts';\n${run(`twice(${x})`)}`,
        'all.ts': `export { twice, Answer } from './features.ts';`,
        'features.ts': `${twice}export interface Answer { y: number }`,
      },
    ],
    ['an enum', { 'score.ts': `enum Factor { Two = 2 }\n${run(`Factor.Two * (${x})`)}` }],
    ['a namespace', { 'score.ts': `namespace Maths { export const two = 2; }\n${run(`Maths.two * (${x})`)}` }],
    [
      'a parameter property',
      {
        'score.ts': `class Scorer { constructor(private readonly factor: number) {} of(x: number) { return this.factor * x; } }\n${run(`new Scorer(2).of(${x})`)}`,
      },
    ],
    [
      'a decorator',
      {
        'score.ts': `const doubled = (method: (x: number) => number, _: unknown) => (x: number) => 2 * method(x);\nclass Scorer { @doubled of(x: number): number { return x; } }\n${run(`new Scorer().of(${x})`)}`,
      },
    ],
    [
      'JSON',
      {
        'score.ts': `import settings from './settings.json';\n${run(`settings.factor * (${x})`)}`,
        'settings.json': '{"factor": 2}',
      },
    ],
    [
      'the paths of a tsconfig.json',
      {
        'score.ts': `import { twice } from '@/features';\n${run(`twice(${x})`)}`,
        'features.ts': twice,
        'tsconfig.json': '{"compilerOptions": {"paths": {"@/*": ["./*"]}}}',
      },
    ],
    [
      'CommonJS',
      {
        'score.ts': `const { twice } = require('./features');\nmodule.exports = { init() {}, run: (raw) => ({ y: twice(JSON.parse(raw).x), file: __filename.split('/').at(-1) }).y !== undefined && { y: twice(JSON.parse(raw).x) } };`,
        'features.js': 'exports.twice = (x) => 2 * x;',
      },
    ],
    [
      'a file beside it by a relative path',
      {
        'score.ts': `import { readFileSync } from 'node:fs';\n${run(`Number(readFileSync('factor.txt', 'utf8')) * (${x})`)}`,
        'factor.txt': '2',
      },
    ],
    [
      'a file beside it by import.meta.url',
      {
        'score.ts': `import { readFileSync } from 'node:fs';\n${run(`Number(readFileSync(new URL('./factor.txt', import.meta.url), 'utf8')) * (${x})`)}`,
        'factor.txt': '2',
      },
    ],
    [
      'chdir to the model',
      {
        'score.ts': `let here = '';\nexport async function init() { process.chdir('/tmp'); here = process.cwd(); }\nexport async function run(raw: string) { return { y: here === '/tmp' ? 2 * (${x}) : here }; }\n`,
      },
    ],
  ];
  for (const [habit, files] of projects) {
    it(habit, async () => {
      scorer = await start({ script: 'score.ts', files });
      expect(await score('{"x": 3}')).to.deep.equal({ y: 6 });
    });
  }

  it('an error names the file, line and column that the user wrote', async () => {
    scorer = await start({
      script: 'score.ts',
      env: { PENSTOCK_EXPOSE_ERRORS: 'true' },
      files: {
        'score.ts': `import { fails } from './features.ts';\n${run('fails()')}`,
        'features.ts': `interface Unused { a: number }\n\nexport function fails(): number {\n  throw new Error('no weights');\n}\n`,
      },
    });
    const { message } = (await score('{}')) as { message: string };
    expect(message)
      .to.contain('no weights')
      .and.to.match(/features\.ts:4:9/)
      .and.to.match(/score\.ts:3:\d+/);
  });
});

describe('the request that a script gets', function () {
  this.timeout(60_000);
  const start = scorerPerTest();
  const script = {
    script: 'score.ts',
    files: {
      'score.ts':
        'export async function init() {}\nexport async function run(_: string, request: { headers: object }) { return Object.keys(request.headers).sort(); }\n',
    },
  };
  const headers = { authorization: 'Bearer a-key', cookie: 'a=1', 'proxy-authorization': 'Basic x', 'x-own': '1' };
  it('has no Authorization header if the endpoint checks keys', async () => {
    const scorer = await start({ ...script, env: { PENSTOCK_AUTH: 'Key' } }, async () => {});
    scorer.traffic({ revisions: {}, keyHashes: [keyHash('a-key')] });
    await ready(scorer);
    const seen = (await (
      await fetch(`${scorer.url}/score`, { method: 'POST', body: '{}', headers })
    ).json()) as string[];
    expect(seen)
      .to.include('x-own')
      .and.not.to.include('authorization')
      .and.not.to.include('cookie')
      .and.not.to.include('proxy-authorization');
  });
  it('has all headers without authentication', async () => {
    const scorer = await start(script);
    expect(await (await fetch(`${scorer.url}/score`, { method: 'POST', body: '{}', headers })).json()).to.include(
      'authorization',
    );
  });
});

describe('the output of a script that ends', function () {
  this.timeout(60_000);
  const start = scorerPerTest();
  const print = 'for (let i = 1; i <= 200; i++) console.log(`step ${i}`);';
  const ends: [string, string, RegExp][] = [
    [
      'init() throws',
      `export async function init() { ${print} throw new Error('weights are missing'); }\nexport async function run() {}`,
      /UserScriptInitFailed: weights are missing/,
    ],
    [
      'init() ends the process',
      `export async function init() { ${print} process.exit(7); }\nexport async function run() {}`,
      /UserScriptInitFailed: the script ended its own process \(exit code 7\)/,
    ],
    [
      'an error that nothing awaits',
      `export async function init() {}\nexport async function run() { ${print} setTimeout(() => { throw new Error('late'); }, 0); await new Promise((resolve) => setTimeout(resolve, 500)); }`,
      /UserScriptCrashed: late/,
    ],
  ];
  for (const [what, script, reason] of ends) {
    it(`${what}: all of it is in the log, in order, before the reason`, async () => {
      for (let time = 0; time < 5; time++) {
        const input: ScorerInput = { script: 'score.ts', files: { 'score.ts': script } };
        const scorer = await (what.startsWith('init') ? start(input, async () => {}) : start(input));
        await fetch(`${scorer.url}/score`, { method: 'POST', body: '{}' }).catch(() => undefined);
        expect(await scorer.exited).to.equal(3);
        const steps = [...scorer.log().matchAll(/^step (\d+)$/gm)].map(([, i]) => Number(i));
        expect(steps).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 1));
        expect(scorer.log().slice(scorer.log().indexOf('step 200'))).to.match(reason);
      }
    });
  }
});

it('the image runs Node with the same flags as `penstock serve`', () => {
  const dockerfile = readFileSync(join(import.meta.dirname, '../../../scorer-image/Dockerfile'), 'utf8');
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
  expect(entry.slice(1, -1)).to.deep.equal([...SCORER_NODE_FLAGS]);
});
