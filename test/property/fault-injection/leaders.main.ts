/** `npm run test:leaders [-- --kills N]`: kills N leaders and prints how soon each was followed. */
import { parseArgs } from 'node:util';
import { percentile } from '../../perf/bench/figures.ts';
import { say } from '../../../hack/cluster/say.ts';
import { startStage } from '../../support/control-plane/stage.ts';
import { killLeaders, mixed } from './leaders.ts';

const LIMIT_MS = { SIGTERM: 1_000, SIGKILL: 15_000, SIGSTOP: 15_000 };
const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' } } });
const stage = await startStage();
try {
  const { kills, deposedWrites, edits, converged } = await killLeaders(
    stage,
    'leaders',
    mixed(Number(values.kills)),
    (n, how, ms) => say(`${n}: ${how}, followed after ${(ms / 1000).toFixed(2)} s`),
  );
  console.log('\n| signal to the leader | times | followed after, median | longest | limit |\n|---|---|---|---|---|');
  for (const how of ['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const) {
    const times = kills.filter((kill) => kill.how === how).map(({ followedMs }) => followedMs);
    if (times.length > 0)
      console.log(
        `| ${how} | ${times.length} | ${(percentile(times, 50) / 1000).toFixed(2)} s | ${(Math.max(...times) / 1000).toFixed(2)} s | ${LIMIT_MS[how] / 1000} s |`,
      );
  }
  const late = kills.filter(({ how, followedMs }) => followedMs > LIMIT_MS[how]).length;
  console.log(
    `\n${edits} edits meanwhile; writes of a deposed leader: ${deposedWrites.length}; last edit carried out: ${converged ? 'yes' : 'NO'}`,
  );
  for (const line of deposedWrites.slice(0, 10)) console.log(`  ${line}`);
  const failed = late + deposedWrites.length + (converged ? 0 : 1);
  console.log(`\n${kills.length - late} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await stage.stop();
}
process.exit();
