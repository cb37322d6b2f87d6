/** `npm run images`: builds both images, and loads them into the cluster if one is up. */
import { execa } from 'execa';
import { kubectl } from './kubectl.ts';
import { engine } from './engine.ts';
import { loadImage } from './images.ts';
import { projectImages } from './projectImages.ts';
import { main, say } from './say.ts';

await main(async () => {
  const tags = await projectImages();
  const docker = await engine();
  const up = await kubectl(['get', 'nodes']).then(
    () => true,
    () => false,
  );
  for (const [name, tag] of Object.entries(tags)) {
    const { stdout } = await execa('docker', ['image', 'inspect', `penstock/${name}:${tag}`, '--format', '{{.Size}}'], {
      env: docker.env,
    });
    say(`penstock/${name}:${tag}  ${(Number(stdout) / 1e6).toFixed(0)} MB`);
    if (up) await loadImage(`penstock/${name}:${tag}`);
  }
});
