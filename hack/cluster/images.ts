/** Images: the project's own from their Dockerfiles, others from one static program; loaded into the cluster. */
import { execa } from 'execa';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { engine, type Engine } from './engine.ts';
import { kubectl } from './kubectl.ts';
import { CLUSTER_NAME } from './paths.ts';
import { Advice, say } from './say.ts';
import { tool } from './tools.ts';

export const hasImage = async (docker: Engine, image: string): Promise<boolean> =>
  (await execa('docker', ['image', 'inspect', image], { env: docker.env, reject: false })).exitCode === 0;

/** An image of one static Linux program, for what comes as a Go module and not as an image. */
export async function importImage(docker: Engine, image: string, program: string): Promise<void> {
  if (await hasImage(docker, image)) return;
  const tree = await mkdtemp(join(tmpdir(), 'penstock-image-'));
  await mkdir(join(tree, 'usr/local/bin'), { recursive: true });
  await copyFile(program, join(tree, 'usr/local/bin', basename(program)));
  await execa('mkdir', ['-m', '1777', join(tree, 'tmp')]);
  await importTree(docker, image, tree, ['--change', `ENTRYPOINT ["/usr/local/bin/${basename(program)}"]`]);
  await rm(tree, { recursive: true });
}

/** Makes an image whose one layer is the folder `tree`, owned by root, with fixed times. */
export async function importTree(docker: Engine, image: string, tree: string, changes: string[]): Promise<void> {
  const tar = execa('tar', ['-C', tree, '--owner=0', '--group=0', '--mtime=@0', '--sort=name', '-c', '.'], {
    stdout: 'pipe',
    buffer: false,
  });
  await tar.pipe('docker', ['import', ...changes, '-', image], { env: docker.env });
}

/** Brings an image to every node of the cluster that is up; nodes that hold it already are left alone. */
export async function loadImage(image: string): Promise<void> {
  const context = await kubectl(['config', 'current-context']);
  if (!context.startsWith('kind-'))
    throw new Advice(
      `the current cluster (${context}) is not kind: push ${image} to a registry it can pull from, and set operator.image.repository and scorer.image.repository of the chart`,
    );
  const docker = await engine();
  const name = context.slice('kind-'.length) || CLUSTER_NAME;
  const kind = await tool('kind');
  const nodes = (await execa(kind, ['get', 'nodes', '--name', name], { env: docker.env })).stdout.split('\n');
  // Our tags name contents, so a node that knows the tag has the image; kind compares ids, which differ for imported
  // ones.
  const has = await Promise.all(
    nodes.map(
      async (node) =>
        (
          await execa(
            'docker',
            ['exec', node, 'ctr', '-n', 'k8s.io', 'images', 'ls', '-q', `name==docker.io/${image}`],
            { env: docker.env, reject: false },
          )
        ).stdout !== '',
    ),
  );
  const without = nodes.filter((_, i) => !has[i]);
  if (without.length === 0) return;
  say(`loading ${image}`);
  await execa(kind, ['load', 'docker-image', image, '--name', name, '--nodes', without.join(',')], { env: docker.env });
}
