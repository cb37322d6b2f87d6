/**
 * A Python package index and an npm registry in the cluster, so that stories need nothing outside it: an image with the
 * packages of locks.
 */
import { execa } from 'execa';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engine } from '../../hack/cluster/engine.ts';
import { hasImage, loadImage } from '../../hack/cluster/images.ts';
import { kubectl } from '../../hack/cluster/kubectl.ts';
import { keyOf, root } from '../../hack/cluster/paths.ts';
import { PYTHON_VERSION } from '../../hack/cluster/pythonImage.ts';

const folder = join(root, 'test/e2e/packages');
const LOCK = join(folder, 'requirements.txt');
const NPM_LOCK = join(root, 'examples/npm-packages/source/package-lock.json');
const NAMESPACE = 'e2e-packages';
/** Where the operator of the tests lets packages be installed from. */
export const PACKAGE_INDEX = `http://packages.${NAMESPACE}/simple`;
export const NPM_REGISTRY = `http://packages.${NAMESPACE}/npm`;
/** Wheels for these have a lower bound of glibc; the image's Debian has a newer one. */
const PLATFORMS = ['2_17', '2_27', '2_28'].map((glibc) => `manylinux_${glibc}_x86_64`).concat('manylinux2014_x86_64');

/** Starts the index. `python` is an image with Python. */
export async function startPackageIndex(python: string): Promise<void> {
  const image = await indexImage(python);
  await loadImage(image);
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=120s']);
  await kubectl(['create', 'namespace', NAMESPACE]);
  const pod = readFileSync(join(folder, 'index.yaml'), 'utf8').replace('INDEX_IMAGE', image);
  await kubectl(['-n', NAMESPACE, 'apply', '-f', '-'], pod);
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/packages', '--timeout=120s']);
}

export const stopPackageIndex = (): Promise<unknown> =>
  kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);

async function indexImage(python: string): Promise<string> {
  const docker = await engine();
  const image = `penstock/packages:${keyOf(LOCK, NPM_LOCK, join(folder, 'Dockerfile'))}`;
  if (await hasImage(docker, image)) return image;
  const work = await mkdtemp(join(tmpdir(), 'penstock-packages-'));
  await downloadWheels(work);
  await downloadNpmPackages(work);
  await writeFile(join(work, 'Dockerfile'), readFileSync(join(folder, 'Dockerfile')));
  await execa('docker', ['build', '-q', '--build-arg', `BASE_IMAGE=${python}`, '-t', image, '.'], {
    cwd: work,
    env: { ...docker.env, ...(docker.own ? { DOCKER_BUILDKIT: '0' } : {}) },
  });
  await rm(work, { recursive: true });
  return image;
}

/** Into simple/PROJECT/FILE. */
async function downloadWheels(work: string): Promise<void> {
  await mkdir(join(work, 'wheels'));
  const platforms = PLATFORMS.flatMap((platform) => ['--platform', platform]);
  const only = ['--no-deps', '--require-hashes', '--only-binary', ':all:', '--python-version', PYTHON_VERSION];
  await execa('python3', [
    '-m',
    'pip',
    'download',
    '-q',
    ...only,
    ...platforms,
    '-d',
    join(work, 'wheels'),
    '-r',
    LOCK,
  ]);
  for (const wheel of await readdir(join(work, 'wheels'))) {
    const project = wheel
      .split('-')[0]!
      .toLowerCase()
      .replace(/[-_.]+/g, '-');
    await mkdir(join(work, 'simple', project), { recursive: true });
    await copyFile(join(work, 'wheels', wheel), join(work, 'simple', project, wheel));
  }
  await rm(join(work, 'wheels'), { recursive: true });
}

/** Into npm/NAME/-/FILE. */
async function downloadNpmPackages(work: string): Promise<void> {
  const { packages } = JSON.parse(readFileSync(NPM_LOCK, 'utf8')) as { packages: Record<string, { version: string }> };
  for (const [path, { version }] of Object.entries(packages).filter(([path]) => path !== '')) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const target = join(work, 'npm', name, '-');
    await mkdir(target, { recursive: true });
    await execa('npm', ['pack', '--silent', '--pack-destination', target, `${name}@${version}`], { cwd: work });
  }
}
