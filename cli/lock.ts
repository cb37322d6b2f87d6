/** `penstock lock`: versions and hashes of the packages of a script, as a manifest wants them. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as yaml from 'js-yaml';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { condaRequirements, type CondaEnvironment } from './conda.ts';
import { UserError } from './manifests.ts';

const run = promisify(execFile);
const DEFAULT_VERSION = '3.11';
const MOST_OUTPUT_BYTES = 16 * 2 ** 20;

export interface LockOptions {
  /** A requirements.in, a requirements.txt, a conda environment (.yml, .yaml), or a package.json. */
  file: string;
  /** Minor version of Python. Absent: that of the conda file, or 3.11. */
  python?: string;
  /** Writes the lock to this file. Absent: prints the part of a manifest with it. */
  out?: string;
  say: (line: string) => void;
  /** For what is not part of the result. */
  note: (line: string) => void;
}

/** Resolves the packages for pods: Linux of this machine's architecture, wheels only. Throws UserError. */
export async function lock(options: LockOptions): Promise<void> {
  const { file, python } = options;
  if (!existsSync(file)) throw new UserError(`${file} does not exist`);
  if (basename(file) === 'package.json')
    return publish({ npm: { packageLock: await npmLock(file) } }, 'packageLock', options);
  const { requirements, notes, version = DEFAULT_VERSION } = readInput(file);
  for (const line of notes) options.note(line);
  const minor = python ?? version;
  const text = await compile(requirements, minor, file);
  publish({ python: { version: minor, requirements: text } }, 'requirements', options);
}

/** Prints the part of a manifest with these packages, or writes the lock in it to the file that the user wants. */
function publish(packages: Record<string, Record<string, string>>, key: string, { out, say, note }: LockOptions): void {
  if (out === undefined) return say(yaml.dump({ environment: { packages } }, { lineWidth: -1 }).trimEnd());
  const [[kind, { [key]: text = '', version }]] = Object.entries(packages) as [[string, Record<string, string>]];
  try {
    writeFileSync(out, text);
  } catch (error) {
    throw new UserError(`${out} cannot be written: ${(error as Error).message}`);
  }
  note(`wrote ${out}, for environment.packages.${kind}${version === undefined ? '' : ` with version: "${version}"`}`);
}

/** Only the platform of pods is left to npm: optional packages of other platforms stay in the lock, and are skipped. */
async function npmLock(file: string): Promise<string> {
  const temporary = mkdtempSync(join(tmpdir(), 'penstock-lock-'));
  const work = join(temporary, 'script'); // npm takes this name where package.json has none
  mkdirSync(work);
  copyFileSync(file, join(work, 'package.json'));
  const npmrc = join(dirname(file), '.npmrc');
  if (existsSync(npmrc)) copyFileSync(npmrc, join(work, '.npmrc'));
  try {
    const options = ['--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund', '--workspaces=false'];
    await resolve('npm', ['install', ...options], { cwd: work });
    return readFileSync(join(work, 'package-lock.json'), 'utf8');
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const MISSING = {
  npm: 'npm is missing, which resolves npm packages',
  uv: 'uv is missing, which resolves Python packages: pip install uv',
};

/** What a program that resolves packages prints. `where`: for which platform, in a message. */
async function resolve(
  program: keyof typeof MISSING,
  args: string[],
  { where = '', ...options }: { cwd?: string; where?: string },
): Promise<string> {
  try {
    return (await run(program, args, { maxBuffer: MOST_OUTPUT_BYTES, ...options })).stdout;
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw new UserError(MISSING[program]);
    throw new UserError(`the packages cannot be locked${where}:\n${stderr.trim()}`);
  }
}

/** `requirements` is absent where uv reads the file itself, with those that it includes. */
function readInput(file: string): Partial<CondaEnvironment> & Pick<CondaEnvironment, 'notes'> {
  if (!/\.ya?ml$/.test(file)) return { notes: [] };
  const text = readFileSync(file, 'utf8');
  try {
    return condaRequirements(yaml.load(text));
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
}

const ARCHITECTURE: Partial<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

async function compile(requirements: string[] | undefined, version: string, file: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'penstock-lock-'));
  const input = requirements ? join(work, 'requirements.in') : file;
  if (requirements) writeFileSync(input, `${requirements.join('\n')}\n`);
  const platform = `${ARCHITECTURE[process.arch] ?? process.arch}-manylinux_2_28`;
  const options = [
    '--generate-hashes',
    '--only-binary',
    ':all:',
    '--no-header',
    '--no-annotate',
    '--no-python-downloads',
    '--quiet',
  ];
  try {
    const target = ['--python-version', version, '--python-platform', platform];
    const where = ` for Python ${version} on ${platform}`;
    return await resolve('uv', ['pip', 'compile', ...options, ...target, input], { where });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
