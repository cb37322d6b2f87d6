/** The metrics API with other adapters: another one is registered and removed, and for a while no adapter serves it. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { RELEASE } from '../../../hack/cluster/deploy.ts';
import { Sleepers, type Summary } from '../../perf/scale-to-zero/sleepers.ts';
import { eventually, inNamespace, irisServes, NAMESPACE, released } from '../releasedCluster.ts';

const OURS = 'v1beta2.custom.metrics.k8s.io';
const THEIRS = 'v1beta1.custom.metrics.k8s.io';
const BYSTANDER = 'e2e-bystander';
/** How long no adapter serves it; minutes by `DOWN_SECONDS=300 npm run test:release`. */
const DOWN_MS = Number(process.env.DOWN_SECONDS ?? 5) * 1000;
/** The API server asks those behind it once a minute what they serve. */
const DISCOVERED_SECONDS = 90;
const WAITS =
  'export async function init() {}\nexport async function run() { await new Promise((resolve) => setTimeout(resolve, 200)); return 1; }\n';
const exists = (...args: string[]): Promise<boolean> =>
  kubectl(['get', ...args, '--ignore-not-found', '-o', 'name']).then((name) => name !== '');
const scaling = (field: string): Promise<string> =>
  inNamespace('get', 'ipl', 'iris', '-o', `jsonpath={.status.conditions[?(@.type=="ScalingActive")].${field}}`);
const available = (): Promise<true | undefined> =>
  kubectl(['get', 'apiservice', OURS, '-o', 'jsonpath={.status.conditions[?(@.type=="Available")].status}']).then(
    (status) => (status === 'True' ? true : undefined),
  );
const scaledOn = (): Promise<true | undefined> =>
  scaling('message').then((message) =>
    /^concurrency 0\.0 of 4 target → 2 replicas, the minimum$/.test(message) ? true : undefined,
  );
const operators = (count: number): Promise<string> =>
  kubectl(['-n', RELEASE.namespace, 'scale', 'deployment', `${RELEASE.name}-operator`, `--replicas=${count}`]);
const replicas = (): Promise<string> => inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.replicas.summary}');

/** An adapter as its chart would register it; nothing answers behind it. */
const adapter = JSON.stringify({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: THEIRS },
  spec: {
    group: 'custom.metrics.k8s.io',
    version: 'v1beta1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service: { namespace: 'monitoring', name: 'prometheus-adapter' },
  },
});

/**
 * A pipeline under load through all of it: 12 requests a second of a fifth of a second each are three pods, or one more
 * where the machine is slow.
 */
const busy = new Sleepers('e2e-metrics-load');
const busyPods = new Set<string>();
let load: Promise<Summary>;
let watching = true;

async function watchBusy(): Promise<void> {
  for (; watching; await sleep(1000))
    busyPods.add(
      await busy
        .kubectl(['get', 'deployment', '-l', 'penstock.dev/pipeline=busy', '-o', 'jsonpath={.items[*].spec.replicas}'])
        .catch(() => '3'),
    );
}

describe('the metrics API', function () {
  this.timeout(12 * 60_000 + DOWN_MS);
  before(async () => {
    const { scorer } = await released();
    await busy.begin(`penstock/scorer:${scorer}`);
    await busy.apply('busy', {
      scoring: { script: WAITS },
      scaling: { minReplicas: 1, maxReplicas: 6, metrics: [{ type: 'Concurrency', averageValue: 1 }] },
    });
    await busy.serves('busy');
    load = busy.client('load', 'http://busy/score', 'x', String(600 + DOWN_MS / 1000), '12');
    await irisServes();
    await inNamespace(
      'patch',
      'ipl',
      'iris',
      '--type=merge',
      '-p',
      '{"spec": {"scaling": {"minReplicas": 2, "maxReplicas": 4}}}',
    );
    await eventually(90, 'the autoscaler has figures', scaledOn);
    await eventually(60, 'both pods', async () => ((await replicas()) === '2/2' ? true : undefined));
    await eventually(60, 'pods for the load', async () =>
      /^[34]$/.test(
        await busy.kubectl([
          'get',
          'deployment',
          '-l',
          'penstock.dev/pipeline=busy',
          '-o',
          'jsonpath={.items[*].status.readyReplicas}',
        ]),
      )
        ? true
        : undefined,
    );
    void watchBusy();
  });
  after(async () => {
    watching = false;
    await busy.end();
    await kubectl(['delete', 'apiservice', THEIRS, '--ignore-not-found']);
    await kubectl(['delete', 'namespace', NAMESPACE, BYSTANDER, '--ignore-not-found', '--wait=false']);
  });

  it('another metrics adapter appears: the registration is removed, the pipeline names the adapter and keeps its pods', async () => {
    await kubectl(['apply', '-f', '-'], adapter);
    await eventually(10, 'withdrawn', async () => ((await exists('apiservice', OURS)) ? undefined : true));
    await eventually(10, 'said', async () => ((await scaling('status')) === 'False' ? true : undefined));
    expect(await scaling('message')).to.equal(
      'metrics API held by monitoring/prometheus-adapter: set metricsApi.enabled=false and have it serve pods/penstock_concurrency, or scale on CPU (spec.scaling.metrics)',
    );
    expect(await replicas()).to.equal('2/2');
    expect(await inNamespace('get', 'hpa', '-o', 'name'), 'no autoscaler that would warn of missing figures').to.equal(
      '',
    );
  });

  it('the other adapter is removed: the registration and scaling return', async () => {
    await kubectl(['delete', 'apiservice', THEIRS]);
    await eventually(20, 'registered and available', available);
    await eventually(90, 'scaled', scaledOn);
  });

  it('without a backend of the metrics API pods stay, and deleting its registration lets namespaces be deleted', async () => {
    await operators(0);
    await eventually(60, 'no operator', async () =>
      (await exists('pods', '-n', RELEASE.namespace, '-l', 'app.kubernetes.io/component=operator')) ? undefined : true,
    );
    await eventually(
      DISCOVERED_SECONDS,
      'what a user reads',
      async () => {
        // the one before went while discovery answered from memory
        if (!(await exists('namespace', BYSTANDER))) await kubectl(['create', 'namespace', BYSTANDER]);
        await kubectl(['delete', 'namespace', BYSTANDER, '--wait=false']);
        const said = await kubectl([
          'get',
          'namespace',
          BYSTANDER,
          '-o',
          'jsonpath={.status.conditions[?(@.type=="NamespaceDeletionDiscoveryFailure")].message}',
        ]);
        return said.includes('custom.metrics.k8s.io/v1beta2') ? true : undefined;
      },
      () => kubectl(['get', 'namespace', BYSTANDER, '-o', 'yaml', '--ignore-not-found']),
    );
    await sleep(DOWN_MS);
    await kubectl(['delete', 'apiservice', OURS]);
    await kubectl(['wait', '--for=delete', `namespace/${BYSTANDER}`, '--timeout=270s']);
    expect(await inNamespace('get', 'deployments', '-o', 'jsonpath={.items[*].status.readyReplicas}')).to.equal('2');
  });

  it('the operator starts again: registered, and the same pods', async () => {
    await operators(2);
    await eventually(90, 'registered and available', available);
    await eventually(90, 'scaled', scaledOn);
    expect(await replicas()).to.equal('2/2');
  });

  it('the pipeline under load kept its pods and answered every request', async () => {
    watching = false;
    await busy.kubectl(['exec', 'client', '--', '/usr/local/bin/node', '/client/client.mjs', 'end']);
    expect((await load).failures).to.deep.equal({});
    expect(
      [...busyPods].filter((count) => count !== '3' && count !== '4'),
      'counts of pods seen',
    ).to.deep.equal([]);
  });
});
