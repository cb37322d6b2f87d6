/**
 * `npm run test:matrix [-- VERSION]`: the tests of the operator and the chart against the control planes of the oldest
 * and the newest Kubernetes that the documentation names. The tests with pods run on the newest one only, in
 * `npm test`. Each version ends with a line of its own.
 */
import { execa } from 'execa';
import { CONTROL_PLANE } from '../../hack/cluster/controlPlane.ts';
import { KUBERNETES_VERSION, OLDEST_KUBERNETES, root } from '../../hack/cluster/paths.ts';
import { Advice, main, say } from '../../hack/cluster/say.ts';
import { builtTools, kstatus, oldestControlPlane } from '../../hack/cluster/tools.ts';

const CONTROL_PLANES: Record<string, () => Promise<string>> = {
  [OLDEST_KUBERNETES]: oldestControlPlane,
  [KUBERNETES_VERSION]: builtTools,
};
const TESTS = ['test/integration/**/*.test.ts', 'test/property/{fault-injection,spec-changes}/*.test.ts'];

await main(async () => {
  const [only] = process.argv.slice(2);
  const versions = Object.keys(CONTROL_PLANES).filter((version) => only === undefined || version === only);
  if (versions.length === 0)
    throw new Advice(`no control plane of ${only}: there are ${Object.keys(CONTROL_PLANES).join(' and ')}`);
  await kstatus();
  const failed: string[] = [];
  for (const version of versions) {
    const env = { [CONTROL_PLANE]: await CONTROL_PLANES[version]!() };
    say(`the tests of the operator and the chart, with Kubernetes ${version}`);
    const { exitCode } = await execa('mocha', ['--parallel', '--jobs', '2', ...TESTS], {
      cwd: root,
      env,
      preferLocal: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      reject: false,
    });
    say(`Kubernetes ${version}: ${exitCode === 0 ? 'passed' : 'failed'}`);
    if (exitCode !== 0) failed.push(version);
  }
  if (failed.length > 0) throw new Advice(`tests failed with Kubernetes ${failed.join(' and ')}`);
});
