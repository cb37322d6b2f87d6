/** Environments of scripts in Python that cannot be made. */
import { expect } from 'chai';
import type { InferencePipelineSpec } from '../../../../operator/api/types.gen.ts';
import { pythonMissing, registryMissing, requirementsProblem } from '../../../../operator/plan/environment.ts';
import { config, pipeline } from '../../../support/fixtures/objects.ts';

const script = (requirements?: string) => ({
  entry: 'score.py',
  files: {},
  ...(requirements !== undefined && { requirements }),
});
const LOCKED = 'numpy==2.4.6 --hash=sha256:ab --hash=sha256:cd';

describe('a version of Python', () => {
  const missing = (environment: InferencePipelineSpec['environment'], entry = 'score.py') =>
    pythonMissing(pipeline({ environment: environment! }), { entry, files: {} }, config.python)?.message;
  const python = (version: string) => ({ packages: { python: { version } } });

  it('is the default of the chart', () => expect(missing({})).to.equal(undefined));
  it('that the chart has an image for is there', () => expect(missing(python('3.11'))).to.equal(undefined));
  it('that the chart has no image for is missing, and the message names those there are', () =>
    expect(missing(python('3.9')))
      .to.contain('no image for Python 3.9, but for 3.11')
      .and.contain('environment.image'));
  it('is that of an image of one\u2019s own', () => expect(missing({ image: 'team/science:1' })).to.equal(undefined));
  it('does not matter for a script in TypeScript', () =>
    expect(missing(python('3.9'), 'score.ts')).to.equal(undefined));
});

describe('npm packages', () => {
  const missing = (registryUrl: string | undefined, packageLock?: string) =>
    registryMissing(
      { entry: 'score.ts', files: {}, ...(packageLock !== undefined && { packageLock }) },
      { registryUrl },
    )?.message;
  it('need a registry', () => expect(missing(undefined, '{}')).to.contain('set npm.registryUrl of the chart'));
  it('come from the registry of the chart', () => expect(missing('https://npm.example', '{}')).to.equal(undefined));
  it('that a script has none of need none', () => expect(missing(undefined)).to.equal(undefined));
});

describe('requirements', () => {
  const problem = (text: string | undefined, target: InferencePipelineSpec['target'] = 'Production') =>
    requirementsProblem(pipeline({ target }), script(text))?.message;

  const fine: [what: string, text: string][] = [
    ['a version with hashes', LOCKED],
    [
      'several lines, with continuations and comments',
      `# made by uv\n${LOCKED.replace(/ --/g, ' \\\n    --')}\n    # via x\n`,
    ],
    ['extras and a marker', 'a[b,c]==1.0 ; python_version < "3.13" --hash=sha256:ab'],
    ['lines that end as on Windows', `${LOCKED} \\\r\n  --hash=sha256:ef\r\n`],
    ['continuations that begin with a tab', 'numpy==1 \\\n\t--hash=sha256:ab'],
    ['a local version and an epoch', 'torch==1!2.0+cpu --hash=sha256:ab'],
    ['a comment after a line', `${LOCKED} # via x`],
    ['nothing', ''],
  ];
  for (const [what, text] of fine) it(`${what}: no problem`, () => expect(problem(text)).to.equal(undefined));

  const wrong: [what: string, text: string, message: string][] = [
    ['no hash', 'numpy==2.4.6', '"numpy==2.4.6" has no version with a hash'],
    ['no version', 'numpy --hash=sha256:ab', 'has no version with a hash'],
    ['a range', 'numpy>=2 --hash=sha256:ab', 'has no version with a hash'],
    ['any patch version', 'numpy==2.* --hash=sha256:ab', 'has no version with a hash'],
    ['an index', '--index-url https://x.example/simple', 'the chart sets the package index'],
    ['another file', '-r more.txt', 'the option "-r more.txt" is not supported'],
    ['an editable package', '-e .', 'is not supported'],
    ['an option behind a comment that seems to go on', '# \\\n--extra-index-url https://x.example/${A}', 'the option'],
    ['a package behind a comment that seems to go on', '# \\\nnumpy', '"numpy" has no version with a hash'],
    ['a carriage return in a line', 'numpy==1\r-r=/x --hash=sha256:00', 'control characters'],
    ['a form feed', 'numpy==1\f-e . --hash=sha256:00', 'control characters'],
    ['a separator of lines', 'numpy==1\u2028-e . --hash=sha256:00', 'control characters'],
    ['a variable', 'numpy==${A} --hash=sha256:00', 'is not a package of the index'],
    ['a URL without slashes', 'x@http:host/x.whl --hash=sha256:00', 'is not a package of the index'],
    ['a path', './x --hash=sha256:00', 'is not a package of the index'],
    ['a URL', 'x @ https://x.example/x.whl', 'is not a package of the index'],
    ['a repository', 'git+https://x.example/x', 'is not a package of the index'],
    ['a wrong line after right ones', `${LOCKED}\nscipy`, '"scipy" has no version'],
  ];
  for (const [what, text, message] of wrong) it(`${what}: refused`, () => expect(problem(text)).to.contain(message));

  it('need no hashes in Development, but come from the index there, too', () => {
    expect(problem('numpy>=2\nscipy', 'Development')).to.equal(undefined);
    expect(problem('-r more.txt', 'Development')).to.contain('is not supported');
    expect(problem('x\t@\thttp:host/x.whl', 'Development')).to.contain('is not a package of the index');
    expect(problem('numpy >=2, <3 ; python_version > "3.8"', 'Development')).to.equal(undefined);
  });
  it('that are absent are no problem', () => expect(problem(undefined)).to.equal(undefined));
});
