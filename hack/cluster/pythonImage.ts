/** What the image for scripts in Python is built from: a Dockerfile, and the program uv of a wheel from PyPI. */
import { execa } from 'execa';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { cache, here, keyOf, root } from './paths.ts';
import { say } from './say.ts';

/** The minor version of Python in the image that is built without a registry. */
export const PYTHON_VERSION = '3.11';
/** uv's version with the hashes of its wheels. */
const UV = join(here, 'uv.txt');
const DOCKERFILE = join(root, 'scorer-image/python/Dockerfile');

/** A folder with the Dockerfile and uv, made once for each version of them; and a key of its content. */
export async function pythonImageFiles(): Promise<{ folder: string; key: string }> {
  const key = keyOf(UV, DOCKERFILE);
  const folder = join(cache, `python-image-${key}`);
  if (existsSync(folder)) return { folder, key };
  say('downloading uv');
  const work = await mkdtemp(join(tmpdir(), 'penstock-uv-'));
  await execa('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '--require-hashes', '-d', work, '-r', UV]);
  await execa('sh', ['-c', 'python3 -m zipfile -e *.whl wheel && chmod 755 wheel/uv-*.data/scripts/uv'], { cwd: work });
  await mkdir(join(work, 'image'));
  await execa('sh', ['-c', 'mv wheel/uv-*.data/scripts/uv image/'], { cwd: work });
  await copyFile(DOCKERFILE, join(work, 'image/Dockerfile'));
  await mkdir(cache, { recursive: true });
  await execa('cp', ['-a', join(work, 'image'), `${folder}.new`]);
  await rename(`${folder}.new`, folder);
  await rm(work, { recursive: true });
  return { folder, key };
}
