/**
 * The release: an upgrade from an older chart whose CRDs lack a field, and an uninstall that leaves pipelines serving.
 */
import { expect } from 'chai';
import * as yaml from 'js-yaml';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { deploy, helm, RELEASE } from '../../../hack/cluster/deploy.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { eventually, inNamespace, irisPods, irisServes, NAMESPACE, released } from '../releasedCluster.ts';

const METRICS = 'v1beta2.custom.metrics.k8s.io';

/** This chart as version 0.0.1, packaged, with spec.podMetadata left out of its CRD. */
async function olderChart(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-chart-'));
  cpSync(join(root, 'charts/penstock'), join(folder, 'penstock'), { recursive: true });
  const crd = join(folder, 'penstock/templates/crds/inferencepipelines.yaml');
  const [head, body, tail] = /^([\s\S]*?crds\.install \}\}\n)([\s\S]*)(\{\{- end \}\}\n)$/
    .exec(readFileSync(crd, 'utf8'))!
    .slice(1) as [string, string, string];
  const parsed = yaml.load(body) as {
    spec: {
      versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, unknown> } } } } }[];
    };
  };
  delete parsed.spec.versions[0]!.schema.openAPIV3Schema.properties.spec.properties.podMetadata;
  writeFileSync(crd, head + yaml.dump(parsed) + tail);
  await helm(['package', join(folder, 'penstock'), '--version', '0.0.1', '--destination', folder]);
  return join(folder, 'penstock-0.0.1.tgz');
}

describe('the release', function () {
  this.timeout(16 * 60_000);
  let tags: Record<'operator' | 'scorer', string>;
  before(async () => {
    tags = await released();
  });

  it('is uninstalled: the registration of the metrics API goes first, and no namespace is held up, that of the release neither', async () => {
    await eventually(
      60,
      'registered',
      async () => (await kubectl(['get', 'apiservice', METRICS, '-o', 'name'])) || undefined,
    );
    await helm(['uninstall', RELEASE.name, '--namespace', RELEASE.namespace, '--wait']);
    expect(await kubectl(['get', 'apiservice', METRICS, '--ignore-not-found', '-o', 'name'])).to.equal('');
    await kubectl(['delete', 'namespace', RELEASE.namespace, '--timeout=180s']);
  });

  const addLabel = () =>
    inNamespace('patch', 'ipl', 'iris', '--type=merge', '-p', '{"spec": {"podMetadata": {"labels": {"team": "new"}}}}');

  it('of an older chart does not know the field', async () => {
    const images = [`operator.image.tag=${tags.operator}`, `scorer.image.tag=${tags.scorer}`].flatMap((value) => [
      '--set',
      value,
    ]);
    await helm([
      'install',
      RELEASE.name,
      await olderChart(),
      '--namespace',
      RELEASE.namespace,
      '--create-namespace',
      '--wait',
      '--timeout',
      '3m',
      ...images,
    ]);
    await irisServes();
    await addLabel();
    expect(await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.spec.podMetadata}')).to.equal('');
  });

  it('is upgraded: no pod restarts, and the field works', async () => {
    const before = await irisPods();
    await deploy();
    expect(await irisPods()).to.equal(before);
    await addLabel();
    await eventually(90, 'a second revision', async () =>
      (await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.history[1].reason}')) === 'RolledOut'
        ? true
        : undefined,
    );
    expect(await inNamespace('get', 'pods', '-l', 'team=new', '-o', 'jsonpath={.items[*].status.phase}')).to.contain(
      'Running',
    );
  });

  const second = (...values: string[]): Promise<string> =>
    helm([
      'install',
      'second',
      join(root, 'charts/penstock'),
      '--namespace',
      'e2e-second',
      '--dry-run=server',
      ...['crds.install=false', ...values].flatMap((value) => ['--set', value]),
    ]).catch((error: unknown) => String((error as { stderr?: string }).stderr));

  it('refuses a second release over the same namespaces, and names the first', async () => {
    for (const values of [[], ['watchNamespaces={team}']])
      expect(await second(...values)).to.contain(
        `The Penstock release ${RELEASE.name} in namespace ${RELEASE.namespace} manages all namespaces. Two releases cannot manage the same namespace.`,
      );
  });

  it('confined to one namespace has Roles there, works there and nowhere else', async () => {
    await kubectl(['-n', 'default', 'delete', 'ipl', 'confined', '--ignore-not-found']); // of a run that was broken off
    await deploy([`watchNamespaces={${NAMESPACE}}`]);
    expect(
      await kubectl(['get', 'clusterrolebindings', '-l', 'app.kubernetes.io/name=penstock', '-o', 'name']),
    ).to.equal('');
    const pipeline = (namespace: string) =>
      JSON.stringify({
        apiVersion: 'penstock.dev/v1alpha1',
        kind: 'InferencePipeline',
        metadata: { name: 'confined', namespace },
        spec: {
          target: 'Development',
          scoring: { script: 'export const init = () => {}; export const run = (x) => x;' },
        },
      });
    await kubectl(['apply', '-f', '-'], pipeline('default'));
    await kubectl(['apply', '-f', '-'], pipeline(NAMESPACE));
    await inNamespace('wait', 'ipl/confined', '--for=condition=UpToDate', '--timeout=180s');
    expect(await kubectl(['-n', 'default', 'get', 'ipl', 'confined', '-o', 'jsonpath={.status.conditions}'])).to.equal(
      '',
    );
    expect(await second(`watchNamespaces={${NAMESPACE},other}`)).to.contain(`manages the namespaces ${NAMESPACE}.`);
    expect(await second('watchNamespaces={other}')).to.contain('kind: Deployment');
    await kubectl(['-n', 'default', 'delete', 'ipl', 'confined']);
    await inNamespace('delete', 'ipl', 'confined');
  });

  it('is uninstalled: the CRDs stay, the pipeline serves on, nothing else of the release is left', async () => {
    await eventually(60, 'one pod', async () =>
      (await irisPods()).trim().split('\n').length === 1 ? true : undefined,
    );
    const before = await irisPods();
    await helm(['uninstall', RELEASE.name, '--namespace', RELEASE.namespace, '--wait']);
    await kubectl(['get', 'crd', 'inferencepipelines.penstock.dev', 'modelversions.penstock.dev']);
    expect(await irisPods()).to.equal(before);
    const left = await kubectl([
      'get',
      'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings',
      '-l',
      'app.kubernetes.io/name=penstock',
      '-o',
      'name',
    ]);
    expect(left).to.equal('');
    expect(
      await kubectl([
        '-n',
        RELEASE.namespace,
        'get',
        'deployments,roles,rolebindings',
        '-l',
        'app.kubernetes.io/name=penstock',
        '-o',
        'name',
      ]),
    ).to.equal('');
  });

  it('a deleted pipeline leaves nothing, also without a running operator', async () => {
    await inNamespace('delete', 'ipl/iris', 'mver/iris-1', '--wait');
    await eventually(60, 'no children', async () =>
      (await inNamespace(
        'get',
        'deployments,services,pods,configmaps,jobs',
        '-l',
        'app.kubernetes.io/managed-by=penstock',
        '-o',
        'name',
      )) === ''
        ? true
        : undefined,
    );
    await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
    await deploy();
  });
});
