/** One worker is cut off from the network, as when a switch dies: a Production pipeline serves on from the other. */
import { expect } from 'chai';
import { execa } from 'execa';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { runningEngine } from '../../../hack/cluster/engine.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { eventually, leader, released } from '../releasedCluster.ts';

const NAMESPACE = 'e2e-node-cut';
const REQUESTS = 20;
/** The controller manager takes 50 s to call a silent node NotReady. */
const NOTICED_SECONDS = 120;
const inNamespace = (...args: string[]): Promise<string> => kubectl(['-n', NAMESPACE, ...args]);

/**
 * Packets of the node's own network card are dropped, in both directions; `-I` puts the rules in, `-D` takes them out.
 */
async function rules(node: string, change: '-I' | '-D'): Promise<void> {
  const engine = await runningEngine();
  const drop = [
    ['INPUT', '-i'],
    ['OUTPUT', '-o'],
    ['FORWARD', '-i'],
    ['FORWARD', '-o'],
  ].map(([chain, way]) => `iptables ${change} ${chain} ${way} eth0 -j DROP`);
  await execa('docker', ['exec', node, 'sh', '-c', drop.join(' && ')], { env: engine!.env });
}

describe('a worker node that is cut off', function () {
  this.timeout(12 * 60_000);
  let cut: string | undefined;
  before(async function () {
    if (process.env.KUBECONFIG) return this.skip(); // the nodes do not belong to this test
    const { scorer } = await released();
    await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=360s']);
    await kubectl(['create', 'namespace', NAMESPACE]);
    await inNamespace(
      'apply',
      '-f',
      join(root, 'examples/iris/01-model.yaml'),
      '-f',
      join(root, 'examples/iris/00-pipeline.yaml'),
    );
    await inNamespace(
      'patch',
      'ipl',
      'iris',
      '--type=merge',
      '-p',
      '{"spec": {"target": "Production", "endpoint": {"auth": {"mode": "None"}}, "scaling": {"minReplicas": 2, "maxReplicas": 2}}}',
    );
    await inNamespace('wait', 'ipl/iris', '--for=condition=UpToDate', '--timeout=360s');
    await eventually(60, 'two pods on two nodes', async () =>
      new Set((await nodes()).split(' ')).size === 2 ? true : undefined,
    );
    cut = (await nodes()).split(' ')[0]!;
    const near = (await nodes()).split(' ')[1]!;
    await inNamespace('create', 'configmap', 'client', `--from-file=${join(root, 'test/e2e/client/client.mjs')}`);
    const pod = readFileSync(join(root, 'test/e2e/client/pod.yaml'), 'utf8')
      .replace('SCORER_IMAGE', `penstock/scorer:${scorer}`)
      .replace('spec:\n', `spec:\n  nodeName: ${near}\n`);
    await kubectl(['-n', NAMESPACE, 'apply', '-f', '-'], pod);
    await inNamespace('wait', 'pod/client', '--for=condition=Ready', '--timeout=180s');
  });
  after(async () => {
    if (cut === undefined) return; // skipped, or not come so far
    await rules(cut, '-D').catch(() => undefined);
    await kubectl(['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=360s']);
    await kubectl([
      '-n',
      'kube-system',
      'delete',
      'pods',
      '-l',
      'k8s-app=kube-proxy',
      `--field-selector=spec.nodeName=${cut}`,
    ]); // its watch may be deaf for a minute, and what comes next would be routed to pods that are gone
    await kubectl(['-n', 'kube-system', 'rollout', 'status', 'daemonset/kube-proxy', '--timeout=270s']);
    await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
    await eventually(60, 'a leader', leader);
  });

  const nodes = (): Promise<string> =>
    inNamespace(
      'get',
      'pods',
      '-l',
      'penstock.dev/pipeline=iris',
      '--field-selector=status.phase=Running',
      '-o',
      'jsonpath={.items[*].spec.nodeName}',
    );
  const status = (): Promise<string> =>
    inNamespace(
      'get',
      'ipl',
      'iris',
      '-o',
      'jsonpath={.status.conditions[?(@.type=="Available")].status} {.status.replicas.summary}',
    );
  const score = async (): Promise<number> =>
    (
      JSON.parse(
        await inNamespace(
          'exec',
          'client',
          '--',
          '/usr/local/bin/node',
          '/client/client.mjs',
          'request',
          'POST',
          'http://iris/score',
          '{"data": [[5.1, 3.5, 1.4, 0.2]]}',
        ),
      ) as { status: number }
    ).status;

  it('is noticed, and all requests go to the other node', async () => {
    await eventually(30, 'both pods answer', async () => ((await score()) === 200 ? true : undefined));
    await rules(cut!, '-I');
    await eventually(NOTICED_SECONDS, 'the status tells of one pod less', async () =>
      (await status()) === 'True 1/2' ? true : undefined,
    );
    await eventually(15, 'the nodes route to the pod that is left', async () =>
      (await score()) === 200 && (await score()) === 200 && (await score()) === 200 ? true : undefined,
    );
    const answers: number[] = [];
    for (let i = 0; i < REQUESTS; i++) answers.push(await score());
    expect(answers).to.deep.equal(Array.from({ length: REQUESTS }, () => 200));
    await eventually(20, 'an operator leads', leader);
  });

  it('a restarted node: its pod serves again', async () => {
    await rules(cut!, '-D');
    await eventually(90, 'both pods are Ready', async () => ((await status()) === 'True 2/2' ? true : undefined));
  });
});
