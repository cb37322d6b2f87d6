/**
 * `npm run images`: builds the images, and loads them into the cluster if one is up. `--push REGISTRY` pushes them to a
 * registry with the version of this checkout, under which the chart finds them.
 */
import { execa } from 'execa';
import { parseArgs } from 'node:util';
import { packageVersion } from './version.ts';
import { engine, type Engine } from './cluster/engine.ts';
import { loadImage } from './cluster/images.ts';
import { kubectl } from './cluster/kubectl.ts';
import { root } from './cluster/paths.ts';
import { projectImages, releasedImage, type ImageName } from './cluster/projectImages.ts';
import { Advice, main, say } from './cluster/say.ts';

await main(async () => {
  const { push } = parseArgs({ options: { push: { type: 'string' } } }).values;
  const tags = await projectImages();
  const docker = await engine();
  const up = push === undefined && (await clusterIsUp());
  for (const [name, tag] of Object.entries(tags) as [ImageName, string][]) {
    const image = `penstock/${name}:${tag}`;
    say(`${image}  ${await megabytes(docker, image)} MB`);
    if (up) await loadImage(image);
    if (push !== undefined) await pushImage(docker, image, `${push}/${releasedImage(name, packageVersion(root))}`);
  }
});

async function megabytes(docker: Engine, image: string): Promise<string> {
  const { stdout } = await execa('docker', ['image', 'inspect', image, '--format', '{{.Size}}'], { env: docker.env });
  return (Number(stdout) / 1e6).toFixed(0);
}

async function pushImage(docker: Engine, image: string, target: string): Promise<void> {
  say(`pushing ${target}`);
  await execa('docker', ['tag', image, target], { env: docker.env });
  const { failed, stderr } = await execa('docker', ['push', '--quiet', target], { env: docker.env, reject: false });
  if (failed)
    throw new Advice(`${target} cannot be pushed. Log in with docker login if the registry asks for it.\n${stderr}`);
}

function clusterIsUp(): Promise<boolean> {
  return kubectl(['get', 'nodes']).then(
    () => true,
    () => false,
  );
}
