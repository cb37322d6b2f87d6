/** The installation of npm packages by the command `install` of the scorer, and each way in which it can fail. */
import { ENV, LOCAL_ENV } from '@penstock/contract';
import { expect } from 'chai';
import { execa } from 'execa';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { freePort } from '../../../hack/cluster/ports.ts';
import { integrityOf, lockOf, makePackage, NpmRegistry, type NpmPackage } from '../../support/fixtures/npmRegistry.ts';

const main = join(import.meta.dirname, '../../../scorer-image/dist/main.mjs');

describe('the installation of npm packages', function () {
  this.timeout(60_000);
  let registry: NpmRegistry | undefined;
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'penstock-install-'))));
  afterEach(async () => {
    await registry?.stop();
    registry = undefined;
  });
  const serve = async (...packages: NpmPackage[]): Promise<void> =>
    void (registry = await NpmRegistry.start(...packages));

  async function install(lock: string, env: Record<string, string> = {}) {
    writeFileSync(join(home, 'package-lock.json'), lock);
    const { exitCode, stdout } = await execa(process.execPath, [main, 'install'], {
      extendEnv: false,
      env: {
        [ENV.registryUrl]: registry?.url ?? '',
        [LOCAL_ENV.packageLock]: join(home, 'package-lock.json'),
        [LOCAL_ENV.nodeModules]: join(home, 'node_modules'),
        [LOCAL_ENV.credentials]: join(home, 'credentials'),
        ...env,
      },
      reject: false,
    });
    return { exitCode, log: stdout };
  }
  const file = (path: string): string => readFileSync(join(home, 'node_modules', path), 'utf8');

  const greet = makePackage('greet', '1.0.0', { files: { 'index.js': 'module.exports = 1;', 'bin/run.sh': 'echo' } });
  const scoped = makePackage('@team/part', '2.0.0', { files: { 'index.js': 'module.exports = 2;' } });

  const linked = makePackage('greet', '1.0.0', { link: 'x' });

  it('installs packages, scoped ones, aliases and nested versions', async () => {
    await serve(greet, scoped);
    const { exitCode, log } = await install(
      lockOf({ greet, '@team/part': scoped, old: greet, 'greet/node_modules/@team/part': scoped }),
    );
    expect([exitCode, log]).to.deep.include(0);
    expect(file('greet/index.js')).to.equal('module.exports = 1;');
    expect(file('@team/part/index.js')).to.equal('module.exports = 2;');
    expect(file('old/package.json')).to.contain('"name":"greet"');
    expect(statSync(join(home, 'node_modules/greet/index.js')).mode & 0o777).to.equal(0o644);
    expect(log).to.contain('"message":"installed the packages","packages":3');
  });

  it('removes what an attempt before it has left', async () => {
    await serve(greet);
    mkdirSync(join(home, 'node_modules/half'), { recursive: true });
    expect((await install(lockOf({ greet }))).exitCode).to.equal(0);
    expect(readdirSync(join(home, 'node_modules'))).to.deep.equal(['greet']);
  });

  it('sends the token of the Secret, and does not log it', async () => {
    await serve(greet);
    registry!.authorization = 'Bearer t0ken';
    mkdirSync(join(home, 'credentials'));
    writeFileSync(join(home, 'credentials/token'), 't0ken\n');
    const { exitCode, log } = await install(lockOf({ greet }));
    expect(exitCode).to.equal(0);
    expect(log).not.to.contain('t0ken');
  });

  it('leaves out symbolic links, as npm does', async () => {
    await serve(linked);
    expect((await install(lockOf({ greet: linked }))).exitCode).to.equal(0);
    expect(readdirSync(join(home, 'node_modules/greet'))).to.deep.equal(['package.json']);
  });

  it('follows a redirect of the registry, without its credentials', async () => {
    const store = await NpmRegistry.start(greet);
    await serve(greet);
    registry!.redirectTo = store.url;
    mkdirSync(join(home, 'credentials'));
    writeFileSync(join(home, 'credentials/token'), 't0ken');
    try {
      expect((await install(lockOf({ greet }))).exitCode).to.equal(0);
      expect(store.authorizations).to.deep.equal([undefined]);
      expect(registry!.authorizations).to.deep.equal(['Bearer t0ken']);
    } finally {
      await store.stop();
    }
  });

  it('names packages whose install scripts are not run', async () => {
    await serve(greet);
    const { log } = await install(lockOf({ greet }, { greet: { hasInstallScript: true } }));
    expect(log).to.contain('install scripts of packages are not run').and.contain('"packages":["greet"]');
    expect(file('.without-install-scripts')).to.equal('greet');
  });

  const traversal = (): NpmPackage => {
    const tar = Buffer.alloc(1536);
    tar.write('package/../../escaped.js', 0);
    tar.write('0000644\0', 100);
    tar.write('0000000\0', 108);
    tar.write('0000000\0', 116);
    tar.write('00000000000\0', 124);
    tar.write('00000000000\0', 136);
    tar.write('        ', 148);
    tar.write('0', 156);
    tar.write('ustar\u000000', 257);
    tar.write(
      `${tar
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    const tarball = gzipSync(tar);
    return { ...greet, tarball, integrity: integrityOf(tarball) };
  };
  const broken = (tarball: Buffer): NpmPackage => ({ ...greet, tarball, integrity: integrityOf(tarball) });
  const rows: [what: string, served: NpmPackage, locked: Partial<NpmPackage>, reason: string, text: string][] = [
    [
      'other bytes than the lock says',
      greet,
      { integrity: scoped.integrity },
      'PackageHashMismatch',
      'other bytes of greet 1.0.0',
    ],
    ['a version that the registry lacks', greet, { version: '9.0.0' }, 'PackageNotFound', 'no greet 9.0.0'],
    ['a path that leaves the package', traversal(), {}, 'EnvironmentInstallFailed', 'package/../../escaped.js'],
    ['a tarball that is none', broken(Buffer.from('x')), {}, 'EnvironmentInstallFailed', 'cannot be unpacked'],
    [
      'a tarball that is cut',
      broken(greet.tarball.subarray(0, 100)),
      {},
      'EnvironmentInstallFailed',
      'cannot be unpacked',
    ],
  ];
  for (const [what, served, locked, reason, text] of rows)
    it(`${what}: ${reason}`, async () => {
      await serve(served);
      const { exitCode, log } = await install(lockOf({ greet: { ...served, ...locked } }));
      expect(exitCode).to.equal(3);
      expect(log).to.contain(`"message":"${reason}: `).and.contain(text);
    });

  it('a lock that cannot be installed exactly: EnvironmentInstallFailed', async () => {
    await serve(greet);
    const { exitCode, log } = await install(lockOf({ greet }, { greet: { integrity: undefined } }));
    expect([
      exitCode,
      log.includes('EnvironmentInstallFailed: package-lock.json: greet has no sha512 hash'),
    ]).to.deep.equal([3, true]);
  });

  it('a registry that does not answer: PackageIndexUnreachable', async () => {
    const { exitCode, log } = await install(lockOf({ greet }), {
      [ENV.registryUrl]: `http://127.0.0.1:${await freePort()}`,
    });
    expect(exitCode).to.equal(3);
    expect(log)
      .to.contain('PackageIndexUnreachable: the npm registry does not give greet 1.0.0')
      .and.contain('npm.registryUrl');
  });

  it('a registry that refuses the credentials: PackageIndexUnreachable', async () => {
    await serve(greet);
    registry!.authorization = 'Bearer other';
    const { exitCode, log } = await install(lockOf({ greet }));
    expect(exitCode).to.equal(3);
    expect(log).to.contain('PackageIndexUnreachable').and.contain('it answered 401').and.contain('npm.registrySecret');
  });

  it('packages that are too large: EnvironmentTooLarge', async () => {
    await serve(greet);
    const { exitCode, log } = await install(lockOf({ greet }), { [ENV.maxPackagesBytes]: '20' });
    expect(exitCode).to.equal(3);
    expect(log).to.contain('EnvironmentTooLarge').and.contain('packages.maxSize');
  });
});
