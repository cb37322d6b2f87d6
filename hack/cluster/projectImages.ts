/** The project's images, tagged by their content, so that a tag never means two things. */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { baseImage, pythonBaseImage } from './baseImage.ts';
import { engine, type Engine } from './engine.ts';
import { hasImage } from './images.ts';
import { root } from './paths.ts';
import { PYTHON_VERSION, pythonImageFiles } from './pythonImage.ts';
import { say } from './say.ts';

const ROOMS = { operator: 'operator', scorer: 'scorer-image' } as const;
export type ImageName = keyof typeof ROOMS | 'python';

/** Builds what is not built yet, and gives the tag of each. */
export async function projectImages(): Promise<Record<ImageName, string>> {
  const docker = await engine();
  await execa('npm', ['run', '--silent', 'build'], { cwd: root, stdout: 'inherit', stderr: 'inherit' });
  const tags = {} as Record<ImageName, string>;
  for (const name of ['operator', 'scorer'] as const) {
    const folder = join(root, ROOMS[name]);
    tags[name] = contentHash(folder);
    await buildImage(docker, `penstock/${name}:${tags[name]}`, { folder, base: baseImage });
  }
  const { folder, key } = await pythonImageFiles();
  tags.python = `${PYTHON_VERSION}-${key}`;
  await buildImage(docker, `penstock/python:${tags.python}`, { folder, base: pythonBaseImage });
  return tags;
}

/** The image as a release names it: the one for scripts in Python has the version of Python, too. */
export const releasedImage = (name: ImageName, version: string): string =>
  `penstock/${name}:${name === 'python' ? `${PYTHON_VERSION}-${version}` : version}`;

/** `base` makes an image that Docker would pull from a registry. */
async function buildImage(
  docker: Engine,
  image: string,
  { folder, base }: { folder: string; base: (docker: Engine) => Promise<string> },
): Promise<void> {
  if (await hasImage(docker, image)) return;
  say(`building ${image}`);
  const argument = docker.own ? ['--build-arg', `BASE_IMAGE=${await base(docker)}`] : [];
  await execa('docker', ['build', '-q', ...argument, '-t', image, '.'], {
    cwd: folder,
    env: { ...docker.env, ...(docker.own ? { DOCKER_BUILDKIT: '0' } : {}) },
  });
}

/**
 * Hash of all that goes into an image; node_modules of the scorer by size, since its files are pinned by the lockfile.
 */
function contentHash(folder: string): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(folder, 'Dockerfile')))
    .update(process.version);
  for (const file of globSync('dist/**/*', { cwd: folder }).sort()) {
    if (file.includes('__pycache__')) continue; // of tests; .dockerignore leaves it out, too
    const path = join(folder, file);
    const stat = statSync(path);
    if (!stat.isFile()) continue;
    hash.update(`${file} ${stat.size}`);
    if (!file.includes('node_modules')) hash.update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 12);
}
