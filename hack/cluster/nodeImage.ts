/** Our own node image, for machines where no registry answers. */
import { execa } from 'execa';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { cache, here, keyOf, KUBERNETES_VERSION, METRICS_SERVER, toolsDir } from './paths.ts';
import { say } from './say.ts';
import { builtTools } from './tools.ts';

const parts = ['build.sh', 'podnet.sh', 'podnet.service'].map((file) => join(here, 'node-image', file));
const key = `${keyOf(...parts)}-${toolsDir.slice(-8)}`;
const image = `penstock/node:${KUBERNETES_VERSION}-${key}`;

/** Name of the node image, built if the engine does not hold it (about 2 minutes). */
export async function nodeImage(engine: Engine): Promise<string> {
  const has = await execa('docker', ['image', 'inspect', image], { env: engine.env, reject: false });
  if (has.exitCode === 0) return image;
  const tools = await builtTools();
  say(`building the node image ${image} (about 2 minutes)`);
  const kindModule = await execa('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kind'], { cwd: here });
  const work = join(cache, 'node-image');
  await mkdir(work, { recursive: true });
  await execa(
    join(here, 'node-image', 'build.sh'),
    [image, KUBERNETES_VERSION, tools, join(kindModule.stdout, 'images/base/files'), work, METRICS_SERVER],
    {
      env: engine.env,
      stdout: 'inherit',
      stderr: 'inherit',
    },
  );
  return image;
}
