/**
 * The NetworkPolicies of the chart and of pipelines, enforced: the endpoint is open to all, metrics and health are not.
 */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { RELEASE } from '../../../hack/cluster/deploy.ts';
import { enforceNetworkPolicies } from '../../../hack/cluster/enforcer.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { eventually, inNamespace, irisServes, NAMESPACE, released } from '../releasedCluster.ts';

const OTHERS = 'e2e-others';

describe('NetworkPolicies, enforced', function () {
  this.timeout(16 * 60_000);
  let relax: (() => Promise<void>) | undefined;
  before(async function () {
    if (process.env.KUBECONFIG) return this.skip(); // nodes that are not ours
    const { scorer } = await released();
    await irisServes();
    await kubectl(['delete', 'namespace', OTHERS, '--ignore-not-found', '--timeout=360s']);
    await kubectl(['create', 'namespace', OTHERS]);
    for (const namespace of [OTHERS, RELEASE.namespace]) {
      await kubectl([
        '-n',
        namespace,
        'create',
        'configmap',
        'client',
        `--from-file=${join(root, 'test/e2e/client/client.mjs')}`,
      ]);
      await kubectl(
        ['-n', namespace, 'apply', '-f', '-'],
        readFileSync(join(root, 'test/e2e/client/pod.yaml'), 'utf8').replace(
          'SCORER_IMAGE',
          `penstock/scorer:${scorer}`,
        ),
      );
      await kubectl(['-n', namespace, 'wait', 'pod/client', '--for=condition=Ready', '--timeout=180s']);
    }
    relax = await enforceNetworkPolicies();
  });
  after(async () => {
    await relax?.();
    await kubectl([
      '-n',
      RELEASE.namespace,
      'delete',
      'pod/client',
      'configmap/client',
      '--ignore-not-found',
      '--wait=false',
    ]);
    await kubectl(['delete', 'namespace', OTHERS, '--ignore-not-found', '--wait=false']);
  });

  const addressOf = (namespace: string, selector: string): Promise<string> =>
    kubectl(['-n', namespace, 'get', 'pods', '-l', selector, '-o', 'jsonpath={.items[0].status.podIP}']);
  /** Status that a pod of the namespace gets, or the kind of failure. */
  const ask = (from: string, url: string): Promise<string> =>
    kubectl([
      '-n',
      from,
      'exec',
      'client',
      '--',
      '/usr/local/bin/node',
      '-e',
      `fetch('${url}', { signal: AbortSignal.timeout(3000) })
      .then((answer) => console.log(answer.status), (error) => console.log(error.name)).then(() => process.exit())`,
    ]).then((text) => text.trim());
  const SCORER = 'penstock.dev/pipeline=iris';
  const OPERATOR = 'app.kubernetes.io/component=operator';
  const ACTIVATOR = 'app.kubernetes.io/component=activator';

  const rows: [string, string, string, string, string, string][] = [
    ['another namespace reaches the endpoint', OTHERS, NAMESPACE, SCORER, ':8080/', '200'],
    ['another namespace does not reach a pod’s metrics', OTHERS, NAMESPACE, SCORER, ':9090/metrics', 'TimeoutError'],
    ['the operator’s namespace does', RELEASE.namespace, NAMESPACE, SCORER, ':9090/metrics', '200'],
    [
      'another namespace does not reach the operator’s metrics',
      OTHERS,
      RELEASE.namespace,
      OPERATOR,
      ':8081/metrics',
      'TimeoutError',
    ],
    ['its own namespace reads them', RELEASE.namespace, RELEASE.namespace, OPERATOR, ':8081/metrics', '200'],
    [
      'another namespace does not reach the activator’s metrics',
      OTHERS,
      RELEASE.namespace,
      ACTIVATOR,
      ':8081/metrics',
      'TimeoutError',
    ],
    ['the operator’s namespace reads them', RELEASE.namespace, RELEASE.namespace, ACTIVATOR, ':8081/metrics', '200'],
  ];
  for (const [what, from, namespace, selector, path, answer] of rows) {
    it(what, async () =>
      expect(await ask(from, `http://${await addressOf(namespace, selector)}${path}`)).to.equal(answer),
    );
  }

  it('the operator reads the figures of pods, and the API server the operator’s', async () => {
    const figures = (): Promise<string> =>
      kubectl([
        'get',
        '--raw',
        `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${NAMESPACE}/pods/*/penstock_concurrency`,
      ]);
    await eventually(30, 'a figure of the pod', async () =>
      (await figures()).includes('"value":"') ? true : undefined,
    );
  });

  it('a new pod becomes Ready: its own node may probe it', async () => {
    await inNamespace('annotate', 'ipl', 'iris', 'penstock.dev/restartedAt=policies');
    await eventually(90, 'another revision serves', async () =>
      (
        await inNamespace(
          'get',
          'ipl',
          'iris',
          '-o',
          'jsonpath={.status.conditions[?(@.type=="UpToDate")].status} {.status.history[*].revision}',
        )
      ).match(/^True \S+ \S+$/)
        ? true
        : undefined,
    );
  });
});
