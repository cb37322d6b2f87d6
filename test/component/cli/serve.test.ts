/**
 * `penstock serve`: the examples' own manifests on this machine, a script that is edited, and mistakes that are told.
 */
import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../hack/cluster/ports.ts';
import { pythonImageFiles } from '../../../hack/cluster/pythonImage.ts';
import { lockOf, makePackage, NpmRegistry } from '../../support/fixtures/npmRegistry.ts';
import { externalData, onnx } from '../../support/fixtures/onnx.ts';
import { makeWheel, PackageIndex } from '../../support/fixtures/packageIndex.ts';

const root = join(import.meta.dirname, '../../..');
const program = join(root, 'cli/dist/penstock.mjs');

describe('penstock serve', function () {
  this.timeout(90_000);
  let child: ChildProcess | undefined;
  let log = '';
  let port = 0;
  /** The temporary folder of the program. */
  let temporary: string;
  /** Further variables of the program. */
  let settings: Record<string, string> = {};
  beforeEach(() => (temporary = folder()));
  const start = async (...args: string[]): Promise<void> => {
    port = await freePort();
    log = '';
    child = spawn(
      process.execPath,
      [program, 'serve', '--port', String(port), '--operator-port', String(await freePort()), ...args],
      { env: { ...process.env, ...settings, TMPDIR: temporary } },
    );
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  };
  const says = async (text: string, times = 1): Promise<void> => {
    for (const end = Date.now() + 15_000; Date.now() < end; await sleep(50)) if (log.split(text).length > times) return;
    throw new Error(`never said “${text}”:\n${log}`);
  };
  const ended = (): Promise<number | null> =>
    new Promise((resolve) => (child!.exitCode === null ? child!.once('exit', resolve) : resolve(child!.exitCode)));
  const score = async (body: string): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${port}/score`, { method: 'POST', body })).json();
  const folder = (): string => mkdtempSync(join(tmpdir(), 'penstock-cli-'));
  afterEach(async () => {
    if (child?.exitCode === null) child.kill('SIGTERM');
    if (child) await ended();
    child = undefined;
  });

  it('serves the iris example as a pod does, and ends on Ctrl-C', async () => {
    await start('-f', join(root, 'examples/iris'));
    await says('✓ ready: http://127.0.0.1:');
    expect(((await score('{"data":[[5.1,3.5,1.4,0.2]]}')) as { label: number[] }).label).to.deep.equal([0]);
    expect(readdirSync(temporary), 'the models are in its temporary folder').to.have.length(1);
    child!.kill('SIGINT');
    expect(await ended()).to.equal(0);
    expect(readdirSync(temporary), 'nothing is left there').to.deep.equal([]);
  });

  it('a model with external data: all keys of its ConfigMap are fetched', async () => {
    const file = join(root, 'test/e2e/stories/external-data/01-apply.yaml');
    const x = { datatype: 'FP32', shape: ['batch', 2] };
    const weights = [
      { name: 'w', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: 'b', shape: [2], data: Float32Array.of(10, 20) },
    ];
    const model = onnx({
      inputs: [{ name: 'x', ...x }],
      outputs: [{ name: 'y', ...x }],
      nodes: [{ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['y'] }],
      weights,
      external: 'weights.bin',
    });
    expect(readFileSync(file, 'utf8'))
      .to.contain(`model.onnx: ${model.toString('base64')}`)
      .and.to.contain(`weights.bin: ${externalData(weights).toString('base64')}`);
    await start('-f', file);
    await says('✓ ready');
    expect(await score('{"data":[[1,1],[0,2]]}')).to.deep.equal({
      y: [
        [14, 26],
        [16, 28],
      ],
    });
  });

  it('reloads an edited script; an invalid manifest is reported, and the last valid one serves', async () => {
    const home = folder();
    const file = join(home, 'pipeline.yaml');
    const write = (answer: string): void =>
      writeFileSync(
        file,
        `apiVersion: penstock.dev/v1alpha1\nkind: InferencePipeline\nmetadata: { name: p }\nspec:\n  target: Development\n  environment: { variables: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k } } }] }\n  scoring: { script: ${JSON.stringify(`export const init = () => {}; export const run = () => ${answer};`)} }\n`,
      );
    write('1');
    process.env.A = 'from the shell';
    await start('-f', file);
    await says('✓ ready');
    expect(await score('')).to.equal(1);
    write('process.env.A');
    await says('✓ ready', 2);
    expect(await score('')).to.equal('from the shell');
    writeFileSync(join(home, 'notes.txt'), 'not part of the pipeline');
    writeFileSync(file, 'kind: [');
    await says('the last good one serves on');
    expect(await score('')).to.equal('from the shell');
    write('undefinedFunction()'); // an error in run() goes to the client
    await says('✓ ready', 3);
    expect(((await score('')) as { message: string }).message).to.contain('undefinedFunction is not defined');
    delete process.env.A;
  });

  it('a binary file beside the script is mounted as it is', async () => {
    const home = folder();
    writeFileSync(
      join(home, 'p.yaml'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: s }\ndata:\n  score.ts: |\n    import { readFileSync } from 'node:fs';\n    export const init = () => {};\n    export const run = () => [...readFileSync(new URL('./vocab.bin', import.meta.url))];\nbinaryData: { vocab.bin: /wCA }\n---\napiVersion: penstock.dev/v1alpha1\nkind: InferencePipeline\nmetadata: { name: p }\nspec: { target: Development, scoring: { scriptFrom: { configMap: { name: s, key: score.ts } } } }\n`,
    );
    await start('-f', home);
    await says('✓ ready');
    expect(await score('')).to.deep.equal([255, 0, 128]);
  });

  describe('a script in Python', () => {
    let index: PackageIndex;
    let cache: string;
    const write = (home: string, source: string, requirements = 'greet==1.0'): void =>
      writeFileSync(
        join(home, 'p.yaml'),
        `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: s }\ndata: { score.py: ${JSON.stringify(source)}, lock.txt: ${JSON.stringify(requirements)} }\n---\napiVersion: penstock.dev/v1alpha1\nkind: InferencePipeline\nmetadata: { name: p }\nspec:\n  target: Development\n  scoring: { scriptFrom: { configMap: { name: s, key: score.py } } }\n  environment:\n    variables: [{ name: LEVEL, value: high }]\n    packages: { python: { requirementsFrom: { configMap: { name: s, key: lock.txt } } } }\n`,
      );
    const script = (answer: string): string =>
      `import os\nimport greet\ndef init():\n    pass\ndef run(data):\n    return ${answer}\n`;
    before(async () => {
      index = await PackageIndex.start();
      index.add('greet', makeWheel('greet', '1.0', 'def hello():\n    return "hello"\n'));
      cache = folder();
      const { folder: uv } = await pythonImageFiles();
      settings = { UV_DEFAULT_INDEX: index.url, XDG_CACHE_HOME: cache, PATH: `${uv}:${process.env.PATH}` };
    });
    after(() => ((settings = {}), index.stop()));

    it('has its packages and variables, and is reloaded', async () => {
      const home = folder();
      write(home, script('[greet.hello(), os.environ["LEVEL"], data]'));
      await start('-f', home);
      await says('✓ ready');
      expect(await score('x')).to.deep.equal(['hello', 'high', 'x']);
      write(home, script('2'));
      await says('✓ ready', 2);
      expect(await score('')).to.equal(2);
      expect(log.split('installing the packages'), 'the packages are installed once').to.have.length(2);
    });

    it('with a package that the index lacks: one sentence, and nothing is left', async () => {
      const home = folder();
      write(home, script('1'), 'nowhere==1');
      await start('-f', home);
      expect(await ended()).to.equal(2);
      expect(log).to.contain('PackageNotFound: ').and.contain('nowhere').and.not.contain('    at ');
      expect(readdirSync(temporary)).to.deep.equal([]);
      expect(readdirSync(join(cache, 'penstock/packages'))).to.have.length(1);
    });
  });

  it('a script has its npm packages, ES modules and CommonJS', async () => {
    const cjs = makePackage('old-style', '1.0.0', { files: { 'index.js': 'exports.name = "cjs";' } });
    const esm = makePackage('@team/new-style', '1.0.0', {
      manifest: { type: 'module', exports: './main.js', dependencies: { 'old-style': '1' } },
      files: { 'main.js': 'import { name } from "old-style"; export const names = [name, "esm"];' },
    });
    const registry = await NpmRegistry.start(cjs, esm);
    settings = { npm_config_registry: registry.url, XDG_CACHE_HOME: folder() };
    const home = folder();
    const script =
      'import { names } from "@team/new-style"; import old from "old-style"; export const init = () => {}; export const run = () => [...names, old.name];';
    writeFileSync(
      join(home, 'p.yaml'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: s }\ndata: { score.ts: ${JSON.stringify(script)}, lock.json: ${JSON.stringify(lockOf({ '@team/new-style': esm, 'old-style': cjs }))} }\n---\napiVersion: penstock.dev/v1alpha1\nkind: InferencePipeline\nmetadata: { name: p }\nspec:\n  target: Production\n  scoring: { scriptFrom: { configMap: { name: s, key: score.ts } } }\n  environment: { packages: { npm: { packageLockFrom: { configMap: { name: s, key: lock.json } } } } }\n`,
    );
    try {
      await start('-f', home);
      await says('✓ ready');
      expect(await score('')).to.deep.equal(['cjs', 'esm', 'cjs']);
    } finally {
      settings = {};
      await registry.stop();
    }
  });

  it('`penstock compare` tells how many rows are answered otherwise than expected', async () => {
    const home = folder();
    const { data, label, probabilities } = JSON.parse(
      readFileSync(join(root, 'examples/iris/training/answers.json'), 'utf8'),
    ) as Record<string, unknown[]>;
    writeFileSync(join(home, 'rows.json'), JSON.stringify(data));
    writeFileSync(join(home, 'good.json'), JSON.stringify({ label, probabilities }));
    writeFileSync(join(home, 'bad.json'), JSON.stringify({ label: label!.with(7, 9) }));
    await start('-f', join(root, 'examples/iris'));
    await says('✓ ready');
    const compare = (expect: string): Promise<{ code: number | null; said: string }> =>
      new Promise((resolve) => {
        const one = spawn(process.execPath, [
          program,
          'compare',
          '--rows',
          join(home, 'rows.json'),
          '--expect',
          join(home, expect),
          '--tolerance',
          '1e-4',
          '--url',
          `http://127.0.0.1:${port}/score`,
        ]);
        let said = '';
        one.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
        one.once('close', (code) => resolve({ code, said }));
      });
    expect(await compare('good.json')).to.deep.equal({
      code: 0,
      said: '✓ label: 0 of 150 rows differ\n✓ probabilities: 0 of 150 rows differ\n',
    });
    expect(await compare('bad.json')).to.deep.equal({
      code: 1,
      said: '✗ label: 1 of 150 rows differ, by up to 1.00\n    row 7: 0, expected 9 (off by 1.00)\n',
    });
  });

  const mistakes: [string, (home: string) => string[], string][] = [
    ['a file that is not there', () => ['-f', '/nowhere.yaml'], '/nowhere.yaml does not exist'],
    ['no pipeline', (home) => ['-f', home], 'no InferencePipeline in'],
    [
      'a model that no file has',
      (home) => (cpSync(join(root, 'examples/iris/00-pipeline.yaml'), join(home, 'p.yaml')), ['-f', home]),
      'ModelVersion iris-1 is in none of the files',
    ],
    [
      'a key that would leave the folder',
      (home) => (
        writeFileSync(
          join(home, 'p.yaml'),
          readFileSync(join(root, 'test/e2e/stories/external-data/01-apply.yaml'), 'utf8').replace(
            'weights.bin:',
            '../weights.bin:',
          ),
        ),
        ['-f', home]
      ),
      'has the key "../weights.bin", which Kubernetes would refuse',
    ],
    [
      'a target that does not exist',
      (home) => (
        writeFileSync(
          join(home, 'p.yaml'),
          readFileSync(join(root, 'examples/iris/00-pipeline.yaml'), 'utf8').replace(/target: \w+/, 'target: Prod'),
        ),
        ['-f', home]
      ),
      'InferencePipeline iris is invalid: spec.target: Unsupported value: supported values: "Development", "Production", "Managed"',
    ],
    [
      'a field that does not exist',
      (home) => (
        writeFileSync(
          join(home, 'p.yaml'),
          `${readFileSync(join(root, 'examples/iris/00-pipeline.yaml'), 'utf8').trimEnd()}\n  replicas: 3\n`,
        ),
        ['-f', home]
      ),
      'InferencePipeline iris is invalid: unknown field "spec.replicas"',
    ],
    [
      'a Python script whose packages are not locked',
      (home) => (
        writeFileSync(
          join(home, 'p.yaml'),
          'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: s }\ndata: { score.py: x }\n---\napiVersion: penstock.dev/v1alpha1\nkind: InferencePipeline\nmetadata: { name: p }\nspec: { target: Production, scoring: { scriptFrom: { configMap: { name: s, key: score.py } } }, environment: { packages: { python: { requirements: numpy } } } }\n',
        ),
        ['-f', home]
      ),
      '"numpy" has no version with a hash, which target Production needs: run `penstock lock`',
    ],
    ['an option that does not exist', () => ['--quick'], 'usage: penstock serve'],
  ];
  for (const [sentence, args, message] of mistakes) {
    it(`${sentence}: one sentence, no stack`, async () => {
      await start(...args(folder()));
      expect(await ended()).to.equal(2);
      expect(log).to.contain(message).and.not.to.contain('    at ');
    });
  }
});
