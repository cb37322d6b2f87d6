/**
 * `npm run release -- VERSION [--out FOLDER]`: sets the version, closes the changelog, and makes all files of a
 * release: the images, the chart, an SBOM, the notes, the runs of benches in `bench/`, and checksums. Commits and
 * tags; pushes nothing. With `--rehearse` in place of VERSION it makes the files of the present version, and changes
 * nothing in the checkout.
 */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { packageVersion } from './version.ts';
import { chapter, isNewer, released } from './changelog.ts';
import { engine } from './cluster/engine.ts';
import { projectImages, releasedImage, type ImageName } from './cluster/projectImages.ts';
import { root } from './cluster/paths.ts';
import { Advice, main, say } from './cluster/say.ts';
import { tool } from './cluster/tools.ts';

const USAGE = 'usage: npm run release -- VERSION|--rehearse [--out FOLDER]';
/** The names that container images use for architectures. */
const ARCHITECTURE: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
const git = async (...args: string[]): Promise<string> => (await execa('git', args, { cwd: root })).stdout;
const npm = (...args: string[]): Promise<unknown> =>
  execa('npm', args, { cwd: root, stdout: 'inherit', stderr: 'inherit' });

/** Throws Advice for what no release can be made from. */
async function confirmCheckout(version: string, current: string): Promise<void> {
  if (!isNewer(version, current))
    throw new Advice(`${version} is not a version above ${current}: use MAJOR.MINOR.PATCH`);
  if ((await git('branch', '--show-current')) !== 'main') throw new Advice('a release is made on the branch main');
  if ((await git('status', '--porcelain')) !== '')
    throw new Advice('the checkout has changes that are not committed: commit or stash them first');
  if ((await git('tag', '--list', `v${version}`)) !== '') throw new Advice(`the tag v${version} exists already`);
  for (const script of ['verify', 'lint', 'test:fast']) await npm('run', '--silent', script);
}

/** The folder for the files, which must be a new one. Files of an earlier attempt in the default folder are removed. */
function outFolder(given: string | undefined, version: string): string {
  if (given === undefined) {
    const folder = join(root, 'release', version);
    rmSync(folder, { recursive: true, force: true });
    return folder;
  }
  const folder = resolve(given);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Advice(`${folder} is not empty: name a folder that does not exist`);
  return folder;
}

/** Sets the version everywhere, and closes the changelog. */
async function setVersion(version: string): Promise<void> {
  const file = join(root, 'CHANGELOG.md');
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(file, released(readFileSync(file, 'utf8'), version, today));
  await npm('version', version, '--no-git-tag-version', '--ignore-scripts');
  await npm('run', '--silent', 'generate');
  await npm('install', '--package-lock-only', '--ignore-scripts');
}

/** Writes an image as a compressed archive that `docker load` reads. */
async function saveImage(image: string, file: string, env: Record<string, string | undefined>): Promise<void> {
  const save = execa('docker', ['save', image], { env, stdout: 'pipe', buffer: false, encoding: 'buffer' });
  await Promise.all([pipeline(save.stdout, createGzip(), createWriteStream(file)), save]);
}

/** The images, the chart, the SBOM, the notes, and their checksums. */
async function makeFiles(version: string, out: string): Promise<void> {
  mkdirSync(out, { recursive: true });
  const tags = await projectImages();
  const { env } = await engine();
  for (const [name, tag] of Object.entries(tags)) {
    const image = releasedImage(name as ImageName, version);
    say(`saving ${image}`);
    await execa('docker', ['tag', `penstock/${name}:${tag}`, image], { env });
    const architecture = ARCHITECTURE[process.arch] ?? process.arch;
    await saveImage(image, join(out, `${image.replace(/[/:]/g, '-')}-${architecture}.tar.gz`), env);
  }
  say('packaging the chart');
  await execa(await tool('helm'), ['package', join(root, 'charts/penstock'), '--destination', out]);
  say('listing the dependencies');
  const sbom = await execa('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], { cwd: root });
  writeFileSync(join(out, `penstock-${version}.cdx.json`), `${sbom.stdout}\n`);
  writeFileSync(join(out, 'NOTES.md'), `${chapter(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)}\n`);
  const runs = join(root, 'bench');
  if (existsSync(runs)) {
    say(`copying the runs of benches: ${readdirSync(runs).join(', ')}`);
    cpSync(runs, join(out, 'bench'), { recursive: true });
  }
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(out, join(parentPath, name)))
    .sort();
  const sums = await Promise.all(files.map(async (file) => `${await sha256(join(out, file))}  ${file}\n`));
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
  for (const file of [...files, 'SHA256SUMS']) say(`  ${join(relative(root, out), file)}`);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Sets the version, makes the files, commits and tags. After a failure the checkout is as before. */
async function release(version: string, given: string | undefined): Promise<void> {
  await confirmCheckout(version, packageVersion(root));
  const out = outFolder(given, version);
  await engine(); // before anything is changed
  await tool('helm');
  try {
    await setVersion(version);
    await makeFiles(version, out);
    await git('commit', '--quiet', '--all', '--message', `chore: release ${version}`);
  } catch (error) {
    await git('restore', '--staged', '--worktree', '.');
    throw error;
  }
  await git('tag', '--annotate', `v${version}`, '--message', `Penstock ${version}`);
  say(
    `committed and tagged v${version}. Next: git push --follow-tags, and attach ${relative(root, out)} to the release`,
  );
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, rehearse: { type: 'boolean', default: false } },
  });
  const [version, ...others] = positionals;
  if (others.length > 0 || values.rehearse === (version !== undefined)) throw new Advice(USAGE);
  if (version !== undefined) return release(version, values.out);
  const current = packageVersion(root);
  await makeFiles(current, outFolder(values.out, current));
});
