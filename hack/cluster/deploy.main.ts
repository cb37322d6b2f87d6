/** `npm run deploy`: images, load, helm upgrade --install into the cluster that is up. */
import { up } from './cluster.ts';
import { deploy } from './deploy.ts';
import { main, say } from './say.ts';

await main(async () => {
  await up();
  const tags = await deploy();
  say(
    `penstock is deployed (operator ${tags.operator}, scorer ${tags.scorer}, python ${tags.python}): kubectl apply -f examples/iris/`,
  );
});
