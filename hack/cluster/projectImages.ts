/** The project's two images, tagged by their content, so that a tag never means two things. */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { baseImage } from './baseImage.ts';
import { engine, type Engine } from './engine.ts';
import { hasImage } from './images.ts';
import { root } from './paths.ts';
import { say } from './say.ts';

const ROOMS = { operator: 'operator', scorer: 'scorer-image' } as const;
export type ImageName = keyof typeof ROOMS;

/** Builds what is not built yet, and gives the tag of each. */
export async function projectImages(): Promise<Record<ImageName, string>> {
  const docker = await engine();
  await execa('npm', ['run', '--silent', 'build'], { cwd: root, stdout: 'inherit', stderr: 'inherit' });
  const tags = {} as Record<ImageName, string>;
  for (const name of Object.keys(ROOMS) as ImageName[]) tags[name] = await buildImage(docker, name);
  return tags;
}

async function buildImage(docker: Engine, name: ImageName): Promise<string> {
  const folder = join(root, ROOMS[name]);
  const tag = contentHash(folder);
  const image = `penstock/${name}:${tag}`;
  if (await hasImage(docker, image)) return tag;
  say(`building ${image}`);
  const base = docker.own ? ['--build-arg', `BASE_IMAGE=${await baseImage(docker)}`] : [];
  await execa('docker', ['build', '-q', ...base, '-t', image, '.'], {
    cwd: folder,
    env: { ...docker.env, ...(docker.own ? { DOCKER_BUILDKIT: '0' } : {}) },
  });
  return tag;
}

/**
 * Hash of all that goes into an image; node_modules of the scorer by size, since its files are pinned by the lockfile.
 */
function contentHash(folder: string): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(folder, 'Dockerfile')))
    .update(process.version);
  for (const file of globSync('dist/**/*', { cwd: folder }).sort()) {
    const path = join(folder, file);
    const stat = statSync(path);
    if (!stat.isFile()) continue;
    hash.update(`${file} ${stat.size}`);
    if (!file.includes('node_modules')) hash.update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 12);
}
