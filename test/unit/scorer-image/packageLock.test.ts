/** Which packages of a package-lock.json are installed, and which locks are refused. */
import { expect } from 'chai';
import { neededPackages } from '../../../scorer-image/install/packageLock.ts';

const PLATFORM = { os: 'linux', cpu: 'x64', libc: 'glibc' };
const entry = (more: object = {}): object => ({ version: '1.0.0', integrity: 'sha512-aa==', ...more });
const lock = (root: object, packages: Record<string, object>, more: object = {}): string => {
  const entries = Object.entries(packages).map(([path, one]): [string, object] => [`node_modules/${path}`, one]);
  return JSON.stringify({ lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(entries) }, ...more });
};
const needed = (text: string) => neededPackages(text, PLATFORM);
const paths = (text: string): string[] => needed(text).packages.map(({ path }) => path);

describe('the packages of a package-lock.json', () => {
  it('are those that the root reaches, with version and hash', () => {
    const text = lock(
      { dependencies: { a: '^1' }, devDependencies: { dev: '*' } },
      { a: entry({ dependencies: { b: '1' } }), b: entry(), dev: entry(), 'a/node_modules/unused': entry() },
    );
    expect(needed(text)).to.deep.equal({
      packages: [
        { path: 'node_modules/a', name: 'a', version: '1.0.0', integrity: 'sha512-aa==' },
        { path: 'node_modules/b', name: 'b', version: '1.0.0', integrity: 'sha512-aa==' },
      ],
      withScripts: [],
      missing: [],
    });
  });

  it('are found as Node finds them: inside first, then further up', () => {
    const text = lock(
      { dependencies: { a: '1', b: '1' } },
      {
        a: entry({ dependencies: { b: '2', '@s/c': '1' } }),
        b: entry(),
        'a/node_modules/b': entry({ version: '2.0.0', dependencies: { '@s/c': '1' } }),
        '@s/c': entry(),
      },
    );
    expect(paths(text)).to.have.members([
      'node_modules/a',
      'node_modules/b',
      'node_modules/a/node_modules/b',
      'node_modules/@s/c',
    ]);
  });

  it('of aliases have the name in the registry', () =>
    expect(needed(lock({ dependencies: { old: 'npm:a@1' } }, { old: entry({ name: 'a' }) })).packages[0]).to.include({
      path: 'node_modules/old',
      name: 'a',
    }));

  const platforms: [what: string, more: object, isNeeded: boolean][] = [
    ['another operating system', { os: ['darwin'] }, false],
    ['this operating system', { os: ['darwin', 'linux'] }, true],
    ['all but this operating system', { os: ['!linux'] }, false],
    ['all but another operating system', { os: ['!win32'] }, true],
    ['another processor', { cpu: ['arm64'] }, false],
    ['another C library', { libc: ['musl'] }, false],
    ['any system', { os: ['any'] }, true],
    ['a list without systems', { os: [] }, true],
    ['this system, as a text', { os: 'linux' }, true],
    ['this C library', { libc: ['glibc'] }, true],
  ];
  for (const [what, more, isNeeded] of platforms)
    it(`that are optional and for ${what} are ${isNeeded ? 'installed' : 'skipped, with what only they need'}`, () => {
      const text = lock(
        { optionalDependencies: { native: '1' } },
        { native: entry({ optional: true, dependencies: { part: '1' }, ...more }), part: entry({ optional: true }) },
      );
      expect(paths(text)).to.deep.equal(isNeeded ? ['node_modules/native', 'node_modules/part'] : []);
    });

  it('that are bundled in another are part of its tarball', () =>
    expect(
      paths(
        lock({ dependencies: { a: '1' } }, { a: entry({ dependencies: { b: '1' } }), b: entry({ inBundle: true }) }),
      ),
    ).to.deep.equal(['node_modules/a']));

  it('with install scripts are named', () =>
    expect(
      needed(lock({ dependencies: { a: '1' } }, { a: entry({ hasInstallScript: true }) })).withScripts,
    ).to.deep.equal(['a']));

  it('that are optional and not in the lock are named', () =>
    expect(needed(lock({ optionalDependencies: { a: '1' } }, {})).missing).to.deep.equal(['a']));

  it('that are optional peers may be absent', () =>
    expect(
      paths(
        lock(
          { dependencies: { a: '1' } },
          { a: entry({ peerDependencies: { b: '1' }, peerDependenciesMeta: { b: { optional: true } } }) },
        ),
      ),
    ).to.deep.equal(['node_modules/a']));

  const one = (more: object, path = 'a'): string =>
    lock({ dependencies: { [path.split('node_modules/').at(-1)!]: '1' } }, { [path]: entry(more) });
  const refused: [what: string, text: string, message: string][] = [
    ['no JSON', '{', 'it is not JSON'],
    ['a list', '[]', 'it is not JSON'],
    ['a lock of npm 6', JSON.stringify({ lockfileVersion: 1 }), 'its lockfileVersion is 1: make it with npm 7'],
    ['no packages', JSON.stringify({ lockfileVersion: 3 }), 'make it with npm 7'],
    ['a package that is not in it', lock({ dependencies: { a: '1' } }, {}), 'package.json needs a, which is not in it'],
    ['a package without a hash', one({ integrity: undefined }), 'a has no sha512 hash'],
    ['a package with an old hash', one({ integrity: 'sha1-aa' }), 'a has no sha512 hash'],
    ['a package without a version', one({ version: undefined }), 'a has no version'],
    ['a version that leads elsewhere', one({ version: '1/../../x' }), 'a has no version'],
    ['a name that leads elsewhere', one({ name: '../x' }), 'has the name ../x'],
    ['an alias that begins with a dot', one({ name: '.x' }), 'has the name .x'],
    ['an entry that is none', lock({}, { a: null as never }), 'node_modules/a is not an object'],
    ['a hash that is a number', one({ integrity: 5 }), 'has a wrong value of integrity'],
    [
      'a required package with the name of a property of all objects',
      lock({ dependencies: { constructor: '1' } }, {}),
      'package.json needs constructor, which is not in it',
    ],
    ['a link', one({ link: true }), 'is a link or a workspace'],
    ['a path with dots', one({}, '..'), 'is a link or a workspace'],
    ['a git address', one({ resolved: 'git+ssh://git@host/x.git' }), 'a comes from git+ssh'],
    ['a file', one({ resolved: 'file:../x' }), 'a comes from file:../x'],
    ['a package for another system', one({ os: ['win32'] }), 'a is not for linux, x64 and glibc'],
  ];
  for (const [what, text, message] of refused)
    it(`${what}: refused`, () =>
      expect(() => needed(text))
        .to.throw(`package-lock.json: `)
        .with.property('message')
        .contain(message));
});
