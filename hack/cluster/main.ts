/** `npm run cluster -- up|down|status|env|load IMAGE|exec -- COMMAND` */
import { execa } from 'execa';
import { down, environment, status, up } from './cluster.ts';
import { kubeconfig } from './kubectl.ts';
import { loadImage } from './images.ts';
import { Advice, main } from './say.ts';
import { tool } from './tools.ts';

const [verb, ...rest] = process.argv.slice(2);
const verbs: Record<string, () => Promise<unknown>> = {
  up,
  down,
  status: async () => console.log(await status()),
  env: async () => console.log(await environment()),
  load: async () => {
    if (rest.length === 0) throw new Advice('usage: npm run cluster -- load IMAGE');
    for (const image of rest) await loadImage(image);
  },
  exec: async () => {
    const [program, ...args] = rest[0] === '--' ? rest.slice(1) : rest;
    if (program === undefined) throw new Advice('usage: npm run cluster -- exec -- COMMAND');
    const kubectl = await tool('kubectl');
    const path = `${kubectl.slice(0, kubectl.lastIndexOf('/'))}:${process.env.PATH ?? ''}`;
    process.exitCode =
      (await execa(program, args, { stdio: 'inherit', env: { KUBECONFIG: kubeconfig, PATH: path }, reject: false }))
        .exitCode ?? 1;
  },
};

await main(async () => {
  const work = verbs[verb ?? ''];
  if (!work) throw new Advice(`usage: npm run cluster -- ${Object.keys(verbs).join(' | ')}`);
  await work();
});
