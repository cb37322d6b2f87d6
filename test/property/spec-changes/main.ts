/** `npm run test:transitions [-- --count N] [-- --seed S]`: judges N generated changes of a spec. */
import { parseArgs } from 'node:util';
import { say } from '../../../hack/cluster/say.ts';
import { startStage } from '../../support/control-plane/stage.ts';
import { judgeMany } from './search.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const stage = await startStage({ clusterWide: true });
const started = Date.now();
try {
  const { transitions, refused, failures } = await judgeMany(
    stage,
    { count: Number(values.count), seed: Number(values.seed) },
    (done) => {
      if (done % 50 === 0) say(`${done} of ${values.count} transitions`);
    },
  );
  for (const { transition, problem } of failures)
    console.log(`\nfrom ${JSON.stringify(transition.from)}\nto   ${JSON.stringify(transition.to)}\n${problem}`);
  console.log(
    `\n${transitions} transitions in ${((Date.now() - started) / 60_000).toFixed(1)} min; in ${refused} the API server refused a spec\n\n${transitions - failures.length} passed, ${failures.length} failed`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await stage.stop();
}
process.exit();
