/**
 * `npm run test:mutation [-- ROOM … --sample=N]`: changes the code of each room, one small change at a time, and runs
 * the unit tests that cover the changed line. Prints how many changes the tests notice, for each room, as a table for
 * docs/testing.md. With `--sample=4`, only every fourth block of lines is changed. With `--survivors` it also prints
 * the changes that no test noticed. With `--component`, the component tests of the scorer and the CLI run in place of
 * the unit tests: they start built programs, and take a minute or more for each change. With `--integration`, the tests
 * of the operator with a real API server do. The whole report is in coverage/mutation.json.
 */
import { execa } from 'execa';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** Rooms without a clock, a network, a process or chance, as in architecture.test.ts. */
const PURE =
  /^(packages\/contract|packages\/kube\/api|operator\/(api|desired|desired\/sources|status|plan)|scorer-image\/rows)$/;
const GOAL = { pure: 90, other: 60 };

interface Mutant {
  status: 'Killed' | 'Survived' | 'NoCoverage' | 'Timeout' | 'CompileError' | 'RuntimeError' | 'Ignored' | 'Pending';
  mutatorName: string;
  /** It is evaluated when the module is loaded, which happens once for all tests. */
  static?: boolean;
  replacement?: string;
  location: { start: { line: number } };
}
interface Report {
  files: Record<string, { source: string; mutants: Mutant[] }>;
}

const roomsOf = (files: string[]): string[] => [...new Set(files.map((file) => dirname(file)))].sort();
const sources = globSync(['packages/**/*.ts', 'operator/**/*.ts', 'scorer-image/**/*.ts', 'cli/**/*.ts'], {
  cwd: root,
}).filter((file) => !/node_modules|dist\/|\.gen\.ts$|\/main\.ts$|contract\/reference\.ts$/.test(file));

const BLOCK_LINES = 25;

/**
 * Every `oneIn`th block of lines of these files, in Stryker's notation. A change that is longer than a block is left
 * out.
 */
function sampleOf(files: string[], oneIn: number): string[] {
  const blocks = files.flatMap((file) => {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length;
    return Array.from({ length: Math.ceil(lines / BLOCK_LINES) }, (_, block) => {
      const first = block * BLOCK_LINES + 1;
      return `${file}:${first}-${first + BLOCK_LINES - 1}`;
    });
  });
  return blocks.filter((_, index) => index % oneIn === 0);
}

/**
 * A copy of the checkout, which Stryker may change. The workspaces of `node_modules` lead to the copy, so that mutants
 * of packages are run, too.
 */
async function copyOfCheckout(folder: string): Promise<string> {
  const copy = join(folder, 'copy');
  const { stdout } = await execa('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of stdout.split('\n').filter((one) => existsSync(join(root, one))))
    cpSync(join(root, file), join(copy, file));
  const modules = join(copy, 'node_modules');
  mkdirSync(join(modules, '@penstock'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')).filter((one) => one !== '@penstock'))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  for (const name of ['contract', 'kube', 'server'])
    symlinkSync(join(copy, 'packages', name), join(modules, '@penstock', name));
  return copy;
}

/** The tests that cover a changed line, in the process of Stryker. */
const UNIT = {
  testRunner: 'mocha',
  plugins: ['@stryker-mutator/mocha-runner'],
  mochaOptions: { spec: ['test/unit/{packages,operator,scorer-image,cli}/**/*.test.ts'], config: '.mocharc.json' },
  testRunnerNodeArgs: ['--import', join(import.meta.dirname, 'cjs.mjs'), '--import', 'tsx'],
  coverageAnalysis: 'perTest',
  ignoreStatic: true, // a mutant of a constant would need every test
  concurrency: 2,
};

const filesOf = (folder: string, names: string[]): string =>
  names.map((name) => `test/${folder}/${name}.test.ts`).join(' ');

/** Tests of programs that are built once with all mutants; a variable of the environment says which one is active. */
const componentTests = (files: string[]): object => {
  const spec = files.every((file) => file.startsWith('cli'))
    ? ['cli/serve', 'cli/lock']
    : ['azure', 'protocol', 'scripts', 'values', 'serve'].map((name) => `scorer/${name}`);
  return {
    testRunner: 'command',
    buildCommand: 'npm run build',
    commandRunner: { command: `npx mocha --bail ${filesOf('component', spec)}` },
    timeoutMS: 120_000,
    concurrency: 2,
  };
};

/** The operator runs in the process of these tests. */
const INTEGRATION = {
  testRunner: 'command',
  commandRunner: {
    command: `npx mocha --bail ${filesOf('integration/operator', ['children', 'refresh', 'withdraw'])}`,
  },
  timeoutMS: 120_000,
  concurrency: 2,
};

/** Runs Stryker on these files and returns its report. */
async function mutate(files: string[], runner: object): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-mutation-'));
  try {
    const copy = await copyOfCheckout(folder);
    const config = {
      ...runner,
      mutate: files,
      reporters: ['json', 'progress-append-only'],
      jsonReporter: { fileName: join(folder, 'report.json') },
      inPlace: true,
      tempDirName: join(folder, 'backup'),
      disableTypeChecks: '{packages,operator,scorer-image,cli}/**/*.ts',
      // a message may be worded in another way, so a changed text says nothing
      mutator: { excludedMutations: ['StringLiteral'] },
    };
    writeFileSync(join(folder, 'stryker.json'), JSON.stringify(config));
    await execa('npx', ['stryker', 'run', join(folder, 'stryker.json')], {
      cwd: copy,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'cjs.mjs')}` },
    });
    mkdirSync(join(root, 'coverage'), { recursive: true });
    cpSync(join(folder, 'report.json'), join(root, 'coverage/mutation.json'));
    return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Share of mutants that a test noticed, in percent. Mutants that do not compile do not count, and neither do static
 * ones, which no test can notice.
 */
function scoreOf(all: Mutant[]): number {
  const mutants = all.filter((mutant) => mutant.static !== true);
  const noticed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length;
  const missed = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage').length;
  return (100 * noticed) / (noticed + missed || 1);
}

function table({ files }: Report): string {
  const rows = roomsOf(Object.keys(files)).map((room) => {
    const mutants = Object.entries(files).flatMap(([file, { mutants: own }]) => (dirname(file) === room ? own : []));
    const goal = PURE.test(room) ? GOAL.pure : GOAL.other;
    return `| \`${room}\` | ${mutants.length} | ${scoreOf(mutants).toFixed(0)} % | ${goal} % |`;
  });
  return ['| room | mutants | score | goal |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function survivors({ files }: Report): string {
  return Object.entries(files)
    .flatMap(([file, { source, mutants }]) =>
      mutants
        .filter(
          ({ status, static: isStatic }) => (status === 'Survived' || status === 'NoCoverage') && isStatic !== true,
        )
        .map(
          ({ status, mutatorName, replacement = '', location }) =>
            `${file}:${location.start.line} ${status} ${mutatorName}: ${source.split('\n')[location.start.line - 1]!.trim()}  →  ${replacement.slice(0, 80).replaceAll('\n', ' ')}`,
        ),
    )
    .join('\n');
}

const given = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = given.filter((room) => !roomsOf(sources).includes(room));
if (unknown.length > 0) {
  console.error(`no room ${unknown.join(', ')}; rooms are ${roomsOf(sources).join(', ')}`);
  process.exit(2);
}
const files = sources.filter((file) => given.length === 0 || given.includes(dirname(file)));
const [, oneIn = '1'] = process.argv.map((argument) => /^--sample=(\d+)$/.exec(argument)).find(Boolean) ?? [];
const runnerOf = (): object => {
  if (process.argv.includes('--integration')) return INTEGRATION;
  return process.argv.includes('--component') ? componentTests(files) : UNIT;
};
const report = await mutate(oneIn === '1' ? files : sampleOf(files, Number(oneIn)), runnerOf());
if (process.argv.includes('--survivors')) console.log(survivors(report));
console.log(table(report));
