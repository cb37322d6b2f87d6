/** The chart: linted and rendered by helm 3 and 4, checked by kubeconform and the real API server, its fences tried. */
import { expect } from 'chai';
import { execa } from 'execa';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import { builtTools } from '../../../hack/cluster/tools.ts';
import { startApi, type Api } from '../../support/fixtures/operator.ts';

const root = join(import.meta.dirname, '../../..');
const chart = join(root, 'charts/penstock');
interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: { verbs: string[]; resources: string[]; apiGroups: string[] }[];
}

describe('the chart', function () {
  this.timeout(60_000);
  let tools: string;
  let api: Api;
  const helm = async (program: string, ...args: string[]): Promise<string> =>
    (await execa(join(tools, program), args)).stdout;
  const render = async (program: string, ...values: string[]): Promise<Rendered[]> =>
    (
      yaml.loadAll(
        await helm(
          program,
          'template',
          'penstock',
          chart,
          '--namespace',
          'penstock-system',
          '--kube-version',
          '1.37.0',
          ...values.flatMap((value) => ['--set', value]),
        ),
      ) as (Rendered | null)[]
    ).filter((object) => object !== null);
  before(async () => {
    tools = await builtTools();
    api = await startApi();
  });
  after(() => api.stop());

  for (const program of ['helm', 'helm3']) {
    it(`passes ${program} lint --strict`, () => helm(program, 'lint', '--strict', chart));
  }
  it('renders the same by helm 3 and 4', async () => expect(await render('helm3')).to.deep.equal(await render('helm')));

  const refused: [string, string, RegExp][] = [
    [
      'an unknown value',
      'replica=3',
      /additional properties 'replica' not allowed|Additional property replica is not allowed/,
    ],
    ['no replicas', 'replicas=0', /minimum/i],
    ['a log level that is none', 'operator.logLevel=loud', /logLevel/],
    ['a namespace that cannot be', 'watchNamespaces={Not_One}', /watchNamespaces/],
  ];
  for (const [what, value, message] of refused) {
    it(`refuses ${what}`, async () => {
      const error = await render('helm', value).catch((failure: unknown) => failure);
      expect(String((error as { stderr?: string }).stderr)).to.match(message);
    });
  }

  it('is valid to kubeconform, with the schemas of the API server it is for', async () => {
    const schemas = await serverSchemas(api, await render('helm'));
    const done = await execa(
      join(tools, 'kubeconform'),
      ['-strict', '-summary', '-schema-location', `${schemas}/{{ .ResourceKind }}{{ .KindSuffix }}.json`, '-'],
      { input: await helm('helm', 'template', 'penstock', chart), reject: false },
    );
    expect(done.exitCode, done.stdout).to.equal(0);
    expect(done.stdout).to.contain('Invalid: 0, Errors: 0, Skipped: 0');
  });

  it('is taken by the API server, strictly', async () => {
    for (const values of [
      [],
      ['watchNamespaces={default}'],
      ['watchNamespaces={default}', 'metricsApi.enabled=true'],
      ['crds.install=false', 'replicas=1'],
    ]) {
      await api.run(
        ['apply', '--dry-run=server', '--server-side', '--force-conflicts', '--validate=strict', '-f', '-'],
        (await render('helm', ...values)).map((object) => yaml.dump(object)).join('---\n'),
      );
    }
  });

  it('grants no wildcard, and no list or watch of Secrets', async () => {
    const rules = (await render('helm')).flatMap(({ rules: some }) => some ?? []);
    expect(rules.filter((rule) => [...rule.verbs, ...rule.resources, ...rule.apiGroups].includes('*'))).to.deep.equal(
      [],
    );
    const ofSecrets = rules.filter(({ resources }) => resources.includes('secrets'));
    // keys of pipelines; the certificate of the metrics API, by name
    expect(ofSecrets.map(({ verbs }) => verbs)).to.deep.equal([['get', 'create'], ['create'], ['get', 'patch']]);
  });

  it('with watchNamespaces has no ClusterRole for the operator, and a Role in each', async () => {
    const objects = await render('helm', 'watchNamespaces={a,b}');
    expect(objects.filter(({ kind }) => kind === 'ClusterRole').map(({ metadata }) => metadata.name)).to.deep.equal([
      'penstock-view',
      'penstock-edit',
    ]);
    const roles = objects
      .filter(({ kind }) => kind === 'Role')
      .map(({ metadata }) => `${metadata.namespace} ${metadata.name}`)
      .sort();
    expect(roles).to.deep.equal([
      'a penstock-activator',
      'a penstock-operator',
      'b penstock-activator',
      'b penstock-operator',
      'penstock-system penstock-operator-leader',
    ]);
  });

  it('confines the policy on children to the namespaces that a confined release watches', async () => {
    const [policy] = (await render('helm', 'watchNamespaces={a,b}')).filter(
      ({ kind, metadata: { name } }) => kind === 'ValidatingAdmissionPolicy' && name === 'penstock-child-fence',
    ) as unknown as { spec: { matchConstraints: object } }[];
    expect(policy!.spec.matchConstraints).to.deep.include({
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['a', 'b'] }],
      },
    });
  });

  it('leaves out every NetworkPolicy where it is told to, its own and those of pipelines', async () => {
    const made = await render('helm', 'networkPolicy.enabled=false');
    expect(made.filter(({ kind }) => kind === 'NetworkPolicy')).to.deep.equal([]);
    expect(JSON.stringify(made)).to.contain('{"name":"NETWORK_ACCESS","value":"null"}');
  });

  it('serves the metrics API where it may: everywhere, or when told to', async () => {
    const serves = async (...values: string[]): Promise<boolean> =>
      (await render('helm', ...values)).some(
        ({ kind, metadata }) => kind === 'Service' && metadata.name === 'penstock-metrics',
      );
    expect(await serves()).to.equal(true);
    expect(await serves('metricsApi.enabled=false')).to.equal(false);
    expect(await serves('watchNamespaces={a}')).to.equal(false);
    expect(await serves('watchNamespaces={a}', 'metricsApi.enabled=true')).to.equal(true);
  });

  it('installs a PodMonitor only when asked', async () => {
    expect((await render('helm')).some(({ kind }) => kind === 'PodMonitor')).to.be.false;
    expect(
      (await render('helm', 'podMonitor.enabled=true')).filter(({ kind }) => kind === 'PodMonitor'),
    ).to.have.length(3);
  });

  describe('the policy on pods', () => {
    const asOperator = (...args: string[]) =>
      api.run([...args, '--as=system:serviceaccount:penstock-system:penstock-operator']);
    const pod = (name: string, managed: boolean): string =>
      yaml.dump({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          annotations: { kept: 'x' },
          ...(managed ? { labels: { 'app.kubernetes.io/managed-by': 'penstock' } } : {}),
        },
        spec: { containers: [{ name: 'a', image: 'a' }] },
      });
    before(async () => {
      const objects = (await render('helm')).filter(
        ({ kind }) => kind !== 'Deployment' && kind !== 'CustomResourceDefinition',
      );
      await api.run(['apply', '-f', '-'], objects.map((object) => yaml.dump(object)).join('---\n'));
      // kubectl reads before it patches; the operator does not, and may not.
      await api.run(['create', 'clusterrole', 'kubectl-reads', '--verb=get', '--resource=pods']);
      await api.run([
        'create',
        'clusterrolebinding',
        'kubectl-reads',
        '--clusterrole=kubectl-reads',
        '--serviceaccount=penstock-system:penstock-operator',
      ]);
      await api.run(['apply', '-f', '-'], [pod('ours', true), pod('foreign', false)].join('---\n'));
      await new Promise((resolve) => setTimeout(resolve, 2000)); // a policy takes effect within about a second
    });

    it('lets the traffic annotation through', () => asOperator('annotate', 'pod', 'ours', 'penstock.dev/traffic=1'));
    const denied: [string, string[]][] = [
      ['another annotation', ['annotate', 'pod', 'ours', 'other=1']],
      ['removing an annotation', ['annotate', 'pod', 'ours', 'kept-']],
      ['a label', ['label', 'pod', 'ours', 'a=b']],
      ['the image', ['patch', 'pod', 'ours', '-p', '{"spec": {"containers": [{"name": "a", "image": "evil"}]}}']],
      ['a finalizer', ['patch', 'pod', 'ours', '--type=merge', '-p', '{"metadata": {"finalizers": ["a.b/c"]}}']],
      ['a pod of another owner', ['annotate', 'pod', 'foreign', 'penstock.dev/traffic=1']],
    ];
    for (const [what, args] of denied) {
      it(`stops the operator at ${what}`, async () => {
        const error = await asOperator(...args).catch((failure: unknown) => failure);
        expect(String((error as { stderr?: string }).stderr)).to.contain('the Penstock operator may');
      });
    }
    it('is nothing to others', () => api.run(['label', 'pod', 'foreign', 'a=b']));
  });

  describe('the policy on scaling from zero', () => {
    const activator = 'system:serviceaccount:penstock-system:penstock-activator';
    const scale = (name: string, replicas: number, ...as: string[]) =>
      api.run([
        'patch',
        'deployment',
        name,
        '--subresource=scale',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { replicas } }),
        ...as,
      ]);
    const deployment = (name: string, label: string): string =>
      yaml.dump({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: {
          replicas: 0,
          selector: { matchLabels: { [label]: name } },
          template: { metadata: { labels: { [label]: name } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
        },
      });
    before(async () => {
      await api.run([
        'create',
        'clusterrole',
        'kubectl-reads-scales',
        '--verb=get',
        '--resource=deployments,deployments/scale',
      ]);
      await api.run([
        'create',
        'clusterrolebinding',
        'kubectl-reads-scales',
        '--clusterrole=kubectl-reads-scales',
        '--serviceaccount=penstock-system:penstock-activator',
      ]);
      await api.run(
        ['apply', '-f', '-'],
        [deployment('sleeper', 'penstock.dev/pipeline'), deployment('stranger', 'app')].join('---\n'),
      );
    });

    for (const [what, name, before, after] of [
      ['more than one', 'sleeper', 0, 2],
      ['a Deployment of another owner', 'stranger', 0, 1],
      ['one that is awake', 'sleeper', 2, 1],
      ['putting to sleep', 'sleeper', 1, 0],
    ] as const) {
      it(`stops the activator at ${what}`, async () => {
        await scale(name, before);
        const error = await scale(name, after, `--as=${activator}`).catch((failure: unknown) => failure);
        expect(String((error as { stderr?: string }).stderr)).to.contain(
          'the Penstock activator may only give a pipeline without pods its first one',
        );
      });
    }
    it('lets the first pod through', async () => {
      await scale('sleeper', 0);
      await scale('sleeper', 1, `--as=${activator}`);
    });
  });
});

/**
 * The server's own OpenAPI, as the files kubeconform looks for; strict, and the CRD kind's recursion left to
 * references.
 */
async function serverSchemas(api: Api, objects: Rendered[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-schemas-'));
  type Definition = {
    'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
    properties?: Record<string, unknown>;
    additionalProperties?: unknown;
  };
  const text = (await api.run(['get', '--raw', '/openapi/v2']))
    .replaceAll('"format":"int-or-string","type":"string"', '"x-int-or-string":true')
    .replaceAll('"type":"string","format":"int-or-string"', '"x-int-or-string":true');
  const { definitions } = JSON.parse(text) as { definitions: Record<string, Definition> };
  for (const definition of Object.values(definitions))
    if (definition.properties) definition.additionalProperties ??= false;
  mkdirSync(folder, { recursive: true });
  for (const { apiVersion, kind } of objects) {
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
    const name = Object.keys(definitions).find((key) =>
      definitions[key]!['x-kubernetes-group-version-kind']?.some(
        (gvk) => gvk.group === group && gvk.version === version && gvk.kind === kind,
      ),
    );
    const file = [kind.toLowerCase(), ...(group === '' ? [] : [group.split('.')[0]]), version].join('-');
    writeFileSync(join(folder, `${file}.json`), JSON.stringify({ $ref: `#/definitions/${name}`, definitions }));
  }
  return folder;
}
