/**
 * `npm run release -- VERSION [--out FOLDER]`: sets the version, closes the changelog, and makes all files of a release:
 * both images, the chart, an SBOM, the notes, the runs of benches in `bench/`, and checksums. Commits and tags; pushes nothing. With `--rehearse` it
 * makes the files of the present version and changes nothing in the checkout.
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
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { packageVersion } from '../crds/version.ts';
import { chapter, released } from './changelog.ts';
import { engine } from './cluster/engine.ts';
import { projectImages } from './cluster/projectImages.ts';
import { root } from './cluster/paths.ts';
import { Advice, main, say } from './cluster/say.ts';
import { tool } from './cluster/tools.ts';

const SEMVER = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/;
const git = async (...args: string[]): Promise<string> => (await execa('git', args, { cwd: root })).stdout;
const npm = (...args: string[]): Promise<unknown> =>
  execa('npm', args, { cwd: root, stdout: 'inherit', stderr: 'inherit' });

/** Throws Advice for what no release can be made from. */
async function confirm(version: string, current: string): Promise<void> {
  if (!SEMVER.test(version)) throw new Advice(`${version} is not a version: use MAJOR.MINOR.PATCH`);
  if (version === current) throw new Advice(`the version is ${version} already`);
  if ((await git('status', '--porcelain')) !== '')
    throw new Advice('the checkout has changes that are not committed: commit or stash them first');
  if ((await git('tag', '--list', `v${version}`)) !== '') throw new Advice(`the tag v${version} exists already`);
}

/** Sets the version everywhere, and closes the changelog. */
async function setVersion(version: string): Promise<void> {
  const file = join(root, 'CHANGELOG.md');
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(file, released(readFileSync(file, 'utf8'), version, today));
  await npm('version', version, '--no-git-tag-version', '--ignore-scripts');
  await npm('run', '--silent', 'generate');
}

/** Writes an image as a compressed archive that `docker load` reads. */
async function saveImage(image: string, file: string, env: Record<string, string | undefined>): Promise<void> {
  const save = execa('docker', ['save', image], { env, stdout: 'pipe', buffer: false, encoding: 'buffer' });
  await pipeline(save.stdout, createGzip(), createWriteStream(file));
  await save;
}

/** Both images, the chart, the SBOM, the notes, and their checksums. */
async function makeFiles(version: string, out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const tags = await projectImages();
  const { env } = await engine();
  for (const [name, tag] of Object.entries(tags)) {
    const image = `penstock/${name}:${version}`;
    say(`saving ${image}`);
    await execa('docker', ['tag', `penstock/${name}:${tag}`, image], { env });
    await saveImage(image, join(out, `penstock-${name}-${version}.tar.gz`), env);
  }
  say('packaging the chart');
  await execa(await tool('helm'), ['package', join(root, 'charts/penstock'), '--destination', out]);
  say('listing the dependencies');
  const sbom = await execa('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], { cwd: root });
  writeFileSync(join(out, `penstock-${version}.cdx.json`), `${sbom.stdout}\n`);
  writeFileSync(join(out, 'NOTES.md'), `${chapter(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)}\n`);
  const runs = join(root, 'bench');
  if (existsSync(runs)) cpSync(runs, join(out, 'bench'), { recursive: true });
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(out, join(parentPath, name)))
    .sort();
  const sums = await Promise.all(files.map(async (file) => `${await sha256(join(out, file))}  ${file}\n`));
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, rehearse: { type: 'boolean', default: false } },
  });
  const current = packageVersion(root);
  const [version = values.rehearse ? current : undefined] = positionals;
  if (version === undefined) throw new Advice('usage: npm run release -- VERSION [--out FOLDER]');
  if (!values.rehearse) {
    await confirm(version, current);
    await setVersion(version);
  }
  const out = values.out ?? join(root, 'release', version);
  await makeFiles(version, out);
  if (!values.rehearse) {
    await git('add', '--all');
    await git('commit', '--quiet', '--message', `chore: release ${version}`);
    await git('tag', '--annotate', `v${version}`, '--message', `Penstock ${version}`);
    say(
      `committed and tagged v${version}. Next: git push --follow-tags, and attach ${relative(root, out)} to the release`,
    );
  }
  for (const file of readdirSync(out)) say(`  ${join(relative(root, out), file)}`);
});
