/** The installation of Python packages: uv, a package index, and each way in which it can fail. */
import { ENV } from '@penstock/contract';
import { expect } from 'chai';
import { execa } from 'execa';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../hack/cluster/ports.ts';
import { pythonImageFiles } from '../../../hack/cluster/pythonImage.ts';
import { makeWheel, PackageIndex } from '../../support/fixtures/packageIndex.ts';

const PYTHON = join(import.meta.dirname, '../../../scorer-image/python');

describe('the installation of Python packages', function () {
  this.timeout(120_000);
  let index: PackageIndex;
  let uv: string;
  let home: string;
  const greet = makeWheel('greet', '1.0', 'def hello():\n    return "hello"\n');
  const locked = `greet==1.0 --hash=sha256:${greet.sha256}\n`;

  before(async () => void (uv = (await pythonImageFiles()).folder));
  beforeEach(async () => {
    index = await PackageIndex.start();
    index.add('greet', greet);
    home = mkdtempSync(join(tmpdir(), 'penstock-install-'));
    mkdirSync(join(home, 'packages'));
  });
  afterEach(() => index.stop());

  /** Exit code, and what was logged. */
  async function install(requirements: string, env: Record<string, string> = {}) {
    writeFileSync(join(home, 'requirements.txt'), requirements);
    const paths = ['requirements.txt', 'packages', 'credentials'].map((name) => join(home, name));
    const { exitCode, stdout, stderr } = await execa('python3', ['-m', 'penstock_worker.install', ...paths], {
      cwd: PYTHON,
      extendEnv: false,
      env: { PATH: `${uv}:${process.env.PATH}`, HOME: home, [ENV.indexUrl]: index.url, ...env },
      reject: false,
    });
    return { exitCode, log: stdout + stderr };
  }
  const credentials = (username: string, password: string): void => {
    mkdirSync(join(home, 'credentials'));
    writeFileSync(join(home, 'credentials/username'), `${username}\n`);
    writeFileSync(join(home, 'credentials/password'), `${password}\n`);
  };
  const installed = () => readdirSync(join(home, 'packages')).filter((name) => !name.startsWith('.'));

  it('installs what the lock says, and leaves nothing else', async () => {
    const { exitCode, log } = await install(locked);
    expect(log).to.contain('"message": "installed the packages"');
    expect(exitCode).to.equal(0);
    expect(installed()).to.have.members(['greet.py', 'greet-1.0.dist-info']);
    expect(existsSync(join(home, 'packages/.uv'))).to.equal(false);
  });

  it('installs all again after an attempt that was killed', async () => {
    await install(locked);
    rmSync(join(home, 'packages/greet.py'));
    mkdirSync(join(home, 'packages/.uv/old'), { recursive: true });
    expect((await install(locked)).exitCode).to.equal(0);
    expect(installed()).to.have.members(['greet.py', 'greet-1.0.dist-info']);
    expect(existsSync(join(home, 'packages/.uv'))).to.equal(false);
  });

  it('takes a size that is no whole number of bytes', async () =>
    expect((await install(locked, { [ENV.maxPackagesBytes]: '1181116006.4' })).exitCode).to.equal(0));

  it('without hashes, does not take a comment for one', async () =>
    expect((await install('greet==1.0 # with --hash\n')).exitCode).to.equal(0));

  for (const [what, line] of [
    ['an option behind a comment', '# \\\n--extra-index-url http://127.0.0.1:1/${UV_DEFAULT_INDEX}\n'],
    ['a file', '-r /etc/passwd\n'],
    ['a folder', '-e .\n'],
    ['a path', './x.whl\n'],
    ['a URL', 'x@http:127.0.0.1:1/x.whl\n'],
    ['a variable', 'x==${UV_DEFAULT_INDEX}\n'],
    ['a carriage return', 'greet==1.0\r-r=/etc/passwd\n'],
  ] as const)
    it(`never gives uv ${what}`, async () => {
      const { exitCode, log } = await install(line + locked);
      expect(exitCode).to.equal(3);
      expect(log).to.contain('EnvironmentInstallFailed: ').and.contain('is not a package of the index');
    });

  it('without hashes, takes the newest version', async () => {
    index.add('greet', makeWheel('greet', '2.0', 'VERSION = 2\n'));
    expect((await install('greet\n')).exitCode).to.equal(0);
    expect(installed()).to.contain('greet-2.0.dist-info');
  });

  it('has the credentials of the index, and does not log them', async () => {
    index.credentials = 'robot:s3cret/@';
    credentials('robot', 's3cret/@');
    const { exitCode, log } = await install(locked);
    expect([exitCode, installed()[0]]).to.deep.equal([0, 'greet-1.0.dist-info']);
    expect(log).not.to.match(/s3cret/);
  });

  const rows: [what: string, requirements: string, reason: string, text: string][] = [
    [
      'other bytes than the lock says',
      `greet==1.0 --hash=sha256:${'0'.repeat(64)}\n`,
      'PackageHashMismatch',
      'penstock lock',
    ],
    ['a package that the index lacks', `nowhere==1 --hash=sha256:${'0'.repeat(64)}\n`, 'PackageNotFound', 'nowhere'],
    ['a version that the index lacks', `greet==9 --hash=sha256:${'0'.repeat(64)}\n`, 'PackageNotFound', 'greet'],
    [
      'a version that looks like a status',
      `greet==5.512 --hash=sha256:${'0'.repeat(64)}\nnowhere==1.523 --hash=sha256:${'0'.repeat(64)}\n`,
      'PackageNotFound',
      'greet',
    ],
    ['a package without a wheel', `source==1.0 --hash=sha256:${'0'.repeat(64)}\n`, 'PackageNotFound', 'source'],
  ];
  for (const [what, requirements, reason, text] of rows)
    it(`${what}: ${reason}`, async () => {
      index.add('source', { file: 'source-1.0.tar.gz', bytes: Buffer.from('x') });
      const { exitCode, log } = await install(requirements);
      expect(exitCode).to.equal(3);
      expect(log).to.contain(`"message": "${reason}: `).and.contain(text);
    });

  it('an index that does not answer: PackageIndexUnreachable', async () => {
    const { exitCode, log } = await install(locked, { [ENV.indexUrl]: `http://127.0.0.1:${await freePort()}/simple` });
    expect([exitCode, log]).to.deep.include(3);
    expect(log).to.contain('PackageIndexUnreachable: the package index does not answer');
  });

  it('an index that refuses the credentials: PackageIndexUnreachable, and no password', async () => {
    index.credentials = 'robot:right';
    credentials('robot', 'wr0ng');
    const { exitCode, log } = await install(locked);
    expect(exitCode).to.equal(3);
    expect(log).to.contain('PackageIndexUnreachable: the package index refuses the credentials');
    expect(log).not.to.contain('wr0ng');
  });

  it('packages that are too large: EnvironmentTooLarge', async () => {
    const { exitCode, log } = await install(locked, { [ENV.maxPackagesBytes]: '100' });
    expect(exitCode).to.equal(3);
    expect(log).to.contain('EnvironmentTooLarge: the packages have 0 MiB').and.contain('packages.maxSize');
  });

  it('an image without uv: EnvironmentInstallFailed', async () => {
    const { exitCode, log } = await install(locked, { PATH: process.env.PATH!.replaceAll(uv, '/nowhere') });
    expect([exitCode, log]).to.deep.include(3);
    expect(log).to.contain('EnvironmentInstallFailed: the image has no program uv');
  });

  describe('with a cache', () => {
    const cache = () => join(home, 'cache');
    const withCache = (requirements: string, env: Record<string, string> = {}) =>
      install(requirements, { [ENV.packageCache]: cache(), ...env });
    const archives = () => readdirSync(cache());
    const withoutIndex = async () => ({ [ENV.indexUrl]: `http://127.0.0.1:${await freePort()}/simple` });
    const other = makeWheel('greet', '2.0', 'VERSION = 2\n');
    const lockedOther = `greet==2.0 --hash=sha256:${other.sha256}\n`;
    beforeEach(() => mkdirSync(cache()));

    it('installs the same lock again without the index', async () => {
      expect((await withCache(locked)).log).to.contain('installed the packages');
      rmSync(join(home, 'packages'), { recursive: true });
      const { exitCode, log } = await withCache(`# by hand\n${locked}`, await withoutIndex());
      expect(log).to.contain('took the packages from the cache');
      expect(exitCode).to.equal(0);
      expect(installed()).to.have.members(['greet.py', 'greet-1.0.dist-info']);
    });

    it('takes no packages of another lock', async () => {
      index.add('greet', other);
      await withCache(locked);
      expect((await withCache(lockedOther)).log).to.contain('installed the packages');
      expect(installed()).to.have.members(['greet.py', 'greet-2.0.dist-info']);
      expect(archives()).to.have.length(2);
    });

    it('keeps nothing of requirements without hashes, or of packages that are too large', async () => {
      expect((await withCache('greet\n')).exitCode).to.equal(0);
      expect((await withCache(locked, { [ENV.maxPackagesBytes]: '100' })).exitCode).to.equal(3);
      expect(archives()).to.deep.equal([]);
    });

    it('refuses packages of the cache that are too large', async () => {
      await withCache(locked);
      expect((await withCache(locked, { [ENV.maxPackagesBytes]: '100' })).log).to.contain('EnvironmentTooLarge');
    });

    for (const [what, damage] of [
      ['no archive', () => Buffer.alloc(5000, 'x')],
      ['all zeros', (bytes: Buffer) => bytes.fill(0)],
      ['zeros at its end', (bytes: Buffer) => bytes.fill(0, 512)],
      ['cut off', (bytes: Buffer) => bytes.subarray(0, 1024)],
      ['other bytes of a file', (bytes: Buffer) => bytes.fill('x', 600, 601)],
    ] as const)
      it(`installs from the index where the archive is damaged (${what}), and repairs it`, async () => {
        await withCache(locked);
        const path = join(cache(), archives()[0]!);
        writeFileSync(path, damage(readFileSync(path)));
        const { exitCode, log } = await withCache(locked);
        expect(exitCode).to.equal(0);
        expect(log).to.contain('cannot be used').and.contain('installed the packages');
        expect((await withCache(locked, await withoutIndex())).exitCode).to.equal(0);
      });

    it('writes nothing outside the folder of the packages', async () => {
      await withCache(locked);
      await execa('python3', ['-c', ESCAPING_ARCHIVE, join(cache(), archives()[0]!)]);
      expect(archives()).to.have.length(1);
      const { exitCode } = await withCache(locked);
      expect([exitCode, existsSync(join(home, 'outside'))]).to.deep.equal([0, false]);
      expect(installed()).to.have.members(['greet.py', 'greet-1.0.dist-info']);
    });

    it('installs where nothing can be saved', async () => {
      rmSync(cache(), { recursive: true });
      const { exitCode, log } = await withCache(locked);
      expect(exitCode).to.equal(0);
      expect(log).to.contain('the packages are not saved in the cache');
    });

    it('keeps the archives that were used last and files of others, and removes what an ended pod has left', async () => {
      const archive = (i: number): string => `${String(i).padStart(64, '0')}-cpython-311-x86_64-linux-gnu.tar`;
      const old = Array.from({ length: 20 }, (_, i) => archive(i));
      for (const [i, name] of ['backup.tar', ...old, `${archive(1)}.1.partial`].entries()) {
        writeFileSync(join(cache(), name), '');
        utimesSync(join(cache(), name), 1000 + i, 1000 + i);
      }
      writeFileSync(join(cache(), `${archive(2)}.2.partial`), ''); // of a pod that installs now
      await withCache(locked);
      expect(archives())
        .to.have.length(18)
        .and.include.members(['backup.tar', ...old.slice(5), `${archive(2)}.2.partial`]);
    });
  });
});

/** A tar file with a path that leads out of the folder, and a link that does. */
const ESCAPING_ARCHIVE = `
import hashlib, io, os, sys, tarfile
with tarfile.open(sys.argv[1], "w") as archive:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, ".."
    archive.addfile(link)
    for name in ("../outside", "link/outside"):
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
digest = hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()
os.rename(sys.argv[1], sys.argv[1][:-68] + digest + ".tar")
`;
