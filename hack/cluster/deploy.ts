/** Puts this checkout's operator into the cluster that is up. */
import { execa } from 'execa';
import { join } from 'node:path';
import { kubeconfig, kubectl } from './kubectl.ts';
import { loadImage } from './images.ts';
import { root } from './paths.ts';
import { projectImages, type ImageName } from './projectImages.ts';
import { PYTHON_VERSION } from './pythonImage.ts';
import { say } from './say.ts';
import { tool } from './tools.ts';

export const RELEASE = { name: 'penstock', namespace: 'penstock-system' };

/** Builds and loads the images, then `helm upgrade --install`; `values` are further --set arguments. */
export async function deploy(values: string[] = []): Promise<Record<ImageName, string>> {
  const tags = await projectImages();
  await Promise.all(Object.entries(tags).map(([name, tag]) => loadImage(`penstock/${name}:${tag}`)));
  say('helm upgrade --install');
  await helm([
    'upgrade',
    '--install',
    RELEASE.name,
    join(root, 'charts/penstock'),
    '--namespace',
    RELEASE.namespace,
    '--create-namespace',
    ...[
      `operator.image.tag=${tags.operator}`,
      `scorer.image.tag=${tags.scorer}`,
      `python.images.${PYTHON_VERSION.replace('.', '\\.')}.tag=${tags.python}`,
      ...values,
    ].flatMap((value) => ['--set', value]),
  ]);
  for (const one of ['operator', 'activator'])
    await kubectl([
      '-n',
      RELEASE.namespace,
      'rollout',
      'status',
      `deployment/${RELEASE.name}-${one}`,
      '--timeout=180s',
    ]); // helm 4's --wait takes a minute more
  return tags;
}

export async function helm(args: string[]): Promise<string> {
  return (await execa(await tool('helm'), args, { env: { KUBECONFIG: kubeconfig } })).stdout;
}
