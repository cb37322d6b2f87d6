/** `penstock lock`, with uv and a package index. */
import { expect } from 'chai';
import { execa } from 'execa';
import * as yaml from 'js-yaml';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonImageFiles } from '../../../hack/cluster/pythonImage.ts';
import { makePackage, NpmRegistry } from '../../support/fixtures/npmRegistry.ts';
import { makeWheel, PackageIndex } from '../../support/fixtures/packageIndex.ts';

const program = join(import.meta.dirname, '../../../cli/dist/penstock.mjs');

describe('penstock lock', function () {
  this.timeout(60_000);
  let index: PackageIndex;
  let uv: string;
  let home: string;
  const wheels = [makeWheel('numpy', '1.23.5', ''), makeWheel('numpy', '2.0', '')] as const;
  before(async () => void (uv = (await pythonImageFiles()).folder));
  beforeEach(async () => {
    index = await PackageIndex.start();
    index.add('numpy', ...wheels);
    home = mkdtempSync(join(tmpdir(), 'penstock-lock-'));
  });
  afterEach(() => index.stop());
  const run = (args: string[], path = `${uv}:${process.env.PATH}`, env: Record<string, string> = {}) =>
    execa(process.execPath, [program, 'lock', ...args], {
      cwd: home,
      env: { UV_DEFAULT_INDEX: index.url, UV_NO_CACHE: '1', PATH: path, ...env },
      reject: false,
    });

  it('prints the part of a manifest for a requirements.in', async () => {
    writeFileSync(join(home, 'requirements.in'), 'numpy\n');
    const { exitCode, stdout } = await run(['requirements.in', '--python', '3.12']);
    expect(exitCode).to.equal(0);
    expect(yaml.load(stdout)).to.deep.equal({
      environment: {
        packages: {
          python: { version: '3.12', requirements: `numpy==2.0 \\\n    --hash=sha256:${wheels[1].sha256}\n` },
        },
      },
    });
  });

  it('writes the lock of a conda environment to a file, and tells what it has translated', async () => {
    writeFileSync(join(home, 'conda.yml'), 'dependencies: [python=3.10, numpy=1.23.5]\n');
    const { exitCode, stdout, stderr } = await run(['conda.yml', '--out', 'requirements.txt']);
    expect([exitCode, stdout]).to.deep.equal([0, '']);
    expect(stderr).to.equal(
      'conda package numpy=1.23.5 is taken as numpy==1.23.5 of the package index\nwrote requirements.txt, for environment.packages.python with version: "3.10"',
    );
    expect(readFileSync(join(home, 'requirements.txt'), 'utf8')).to.equal(
      `numpy==1.23.5 \\\n    --hash=sha256:${wheels[0].sha256}\n`,
    );
  });

  it('locks a package.json', async () => {
    const greet = makePackage('greet', '1.2.3');
    const registry = await NpmRegistry.start(greet);
    writeFileSync(join(home, 'package.json'), '{"dependencies": {"greet": "^1.0.0"}}');
    try {
      const { exitCode, stdout, stderr } = await run(['package.json'], process.env.PATH, {
        npm_config_registry: registry.url,
        npm_config_cache: join(home, 'cache'),
      });
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      const { environment } = yaml.load(stdout) as { environment: { packages: { npm: { packageLock: string } } } };
      const lock = JSON.parse(environment.packages.npm.packageLock) as { packages: Record<string, object> };
      expect(lock.packages['node_modules/greet']).to.include({ version: '1.2.3', integrity: greet.integrity });
    } finally {
      await registry.stop();
    }
  });

  const mistakes: [what: string, args: string[], message: string][] = [
    ['a package that the index lacks', ['missing.in'], 'cannot be locked for Python 3.11'],
    ['a file that is not there', ['other.in'], 'other.in does not exist'],
    ['what only conda has', ['conda.yaml'], 'conda.yaml: channel nvidia is not supported'],
    ['a version that is none', ['missing.in', '--python', '3.11.2'], '--python must be a minor version'],
    [
      'a result that cannot be written',
      ['included.in', '--out', 'nowhere/lock.txt'],
      'nowhere/lock.txt cannot be written',
    ],
    ['no file', [], 'usage: penstock'],
  ];
  for (const [what, args, message] of mistakes)
    it(`${what}: exit code 2 and a sentence`, async () => {
      writeFileSync(join(home, 'missing.in'), 'nowhere\n');
      writeFileSync(join(home, 'included.in'), '-r base.in\n');
      writeFileSync(join(home, 'base.in'), 'numpy\n');
      writeFileSync(join(home, 'conda.yaml'), 'channels: [nvidia]\ndependencies: []\n');
      const { exitCode, stdout, stderr } = await run(args);
      expect(exitCode).to.equal(2);
      expect(stdout + stderr)
        .to.contain(message)
        .and.not.contain('    at ');
    });

  it('without uv: a sentence', async () => {
    writeFileSync(join(home, 'requirements.in'), 'numpy\n');
    expect((await run(['requirements.in'], '/nowhere')).stderr).to.contain('uv is missing');
  });
});
