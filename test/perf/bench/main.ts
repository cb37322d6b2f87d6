/** `npm run bench`: how long from apply to children and to Ready, on the real cluster, one pipeline at a time. */
import { up } from '../../../hack/cluster/cluster.ts';
import { kubectl, kubeconfig } from '../../../hack/cluster/kubectl.ts';
import { deploy } from '../../../hack/cluster/deploy.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { main, say } from '../../../hack/cluster/say.ts';
import { tool } from '../../../hack/cluster/tools.ts';
import { execa } from 'execa';
import { join } from 'node:path';
import { percentile } from './figures.ts';
import { createInterface } from 'node:readline';

const NAMESPACE = 'bench';
const ROUNDS = Number(process.env.ROUNDS ?? 20);
const READY_P95_SECONDS = 5;
const inNamespace = (...args: string[]): Promise<string> => kubectl(['-n', NAMESPACE, ...args]);
const manifest = (name: string): string =>
  JSON.stringify({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'InferencePipeline',
    metadata: { name, namespace: NAMESPACE },
    spec: { target: 'Development', models: [{ name: 'iris', modelVersion: 'iris-1' }] },
  });

/** Follows a kind by `kubectl get -w` and resolves with the time at which a line first matches. */
async function watcher(
  kind: string,
  columns: string,
): Promise<{ when: (pattern: RegExp) => Promise<number>; stop: () => void }> {
  const child = execa(
    await tool('kubectl'),
    ['-n', NAMESPACE, 'get', kind, '-w', '--no-headers', '-o', `custom-columns=${columns}`],
    { env: { KUBECONFIG: kubeconfig }, reject: false, buffer: false },
  );
  const waiting = new Set<{ pattern: RegExp; resolve: (at: number) => void }>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    for (const one of waiting)
      if (one.pattern.test(line)) {
        waiting.delete(one);
        one.resolve(performance.now());
      }
  });
  return {
    when: (pattern) => new Promise((resolve) => waiting.add({ pattern, resolve })),
    stop: () => void child.kill(),
  };
}

await main(async () => {
  await up();
  await deploy();
  await kubectl(['create', 'namespace', NAMESPACE]).catch(() => undefined);
  await inNamespace('apply', '-f', join(root, 'examples/iris/01-model.yaml'));
  await inNamespace('wait', 'mver/iris-1', '--for=condition=Ready', '--timeout=120s');
  const deployments = await watcher('deployments', 'NAME:.metadata.name');
  const pipelines = await watcher('ipl', 'NAME:.metadata.name,READY:.status.conditions[?(@.type=="Ready")].status');
  const children: number[] = [];
  const ready: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `bench-${round}`;
    const [made, serves] = [deployments.when(new RegExp(`^${name}-`)), pipelines.when(new RegExp(`^${name}\\s+True`))];
    const accepted = kubectl(['create', '-f', '-'], manifest(name)).then(() => performance.now());
    const started = await accepted;
    children.push(Math.max(0, (await made) - started));
    ready.push((await serves) - started);
    say(`${name}: children ${children.at(-1)!.toFixed(0)} ms, Ready ${(ready.at(-1)! / 1000).toFixed(2)} s`);
    await inNamespace('delete', 'ipl', name);
  }
  deployments.stop();
  pipelines.stop();
  await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
  const row = (what: string, values: number[]): string =>
    `| ${what} | ${[50, 95, 99].map((p) => (percentile(values, p) / 1000).toFixed(2)).join(' | ')} |`;
  console.log(
    `\n${ROUNDS} pipelines, one at a time, image present, ModelVersion Ready; seconds after kubectl create returned\n`,
  );
  console.log(
    ['| | p50 | p95 | p99 |', '|---|---|---|---|', row('the Deployment is seen', children), row('Ready', ready)].join(
      '\n',
    ),
  );
  console.log(
    `\nbudget: Ready p95 ≤ ${READY_P95_SECONDS} s: ${percentile(ready, 95) <= READY_P95_SECONDS * 1000 ? 'kept' : 'NOT kept'}`,
  );
});
process.exit(process.exitCode ?? 0);
