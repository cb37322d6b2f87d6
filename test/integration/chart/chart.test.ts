/** The chart: linted and rendered by helm 3 and 4, checked by kubeconform and the real API server, its fences tried. */
import { expect } from 'chai';
import { execa } from 'execa';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js';
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
    [
      'a label by which pods are selected',
      'operator.podLabels.app\\.kubernetes\\.io/component=x',
      /app\.kubernetes\.io\/component/,
    ],
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
    expect(ofSecrets.map(({ verbs }) => verbs)).to.deep.equal([
      ['get', 'create', 'patch'],
      ['create'],
      ['get', 'patch'],
    ]);
  });

  it('grants a read of claims by name where one is the cache of packages, and nothing else of them', async () => {
    const claims = async (...values: string[]): Promise<string[][]> =>
      (await render('helm', ...values))
        .flatMap(({ rules = [] }) => rules)
        .filter(({ resources }) => resources.includes('persistentvolumeclaims'))
        .map(({ verbs }) => verbs);
    expect(await claims()).to.deep.equal([]);
    expect(await claims('python.cacheClaim=packages')).to.deep.equal([['get']]);
  });

  it('docs/rbac.md lists the rights of the operator and of the activator', async () => {
    const page = readFileSync(join(root, 'docs/rbac.md'), 'utf8');
    const listed = (heading: string): string[] =>
      page
        .split(`## ${heading}\n`)[1]!
        .split('\n## ')[0]!
        .split('\n')
        .flatMap((line) => {
          const [, resources, verbs] = /^\| (`[^|]*`) *\| ([^|]*?) *\|/.exec(line) ?? [];
          return resources === undefined ? [] : [`${resources.replaceAll('`', '')}: ${verbs}`];
        })
        .sort();
    const granted = async (name: string): Promise<string[]> =>
      (await render('helm'))
        .filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === name)
        .flatMap(({ rules = [] }) => rules.flatMap(({ resources, verbs }) => perRow(resources, verbs)))
        .sort();
    expect(listed('What the operator may do')).to.deep.equal(await granted('penstock-operator'));
    expect(listed('What the activator may do')).to.deep.equal(await granted('penstock-activator'));
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

  describe('with the values of a platform team', () => {
    let objects: Rendered[];
    const deployment = (name: string) =>
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name) as unknown as Deployment;
    before(async () => {
      const values = join(import.meta.dirname, 'fleet.values.yaml');
      const args = ['template', 'penstock', chart, '--namespace', 'penstock-system', '--values', values];
      objects = (yaml.loadAll(await helm('helm', ...args)) as (Rendered | null)[]).filter((object) => object !== null);
    });

    it('is taken by the API server, strictly', async () => {
      const known = objects.filter(({ kind }) => kind !== 'PodMonitor');
      await api.run(
        ['apply', '--dry-run=server', '--server-side', '--force-conflicts', '--validate=strict', '-f', '-'],
        known.map((object) => yaml.dump(object)).join('---\n'),
      );
    });

    it('every object has the common labels, and a name without that of the release', () => {
      const own = objects.filter(({ kind }) => kind !== 'CustomResourceDefinition');
      for (const { metadata } of own as unknown as { metadata: { name: string; labels: object } }[]) {
        expect(metadata.labels, metadata.name).to.include({ 'cost-center': '42' });
        expect(metadata.name).not.to.match(/^penstock-(?!view|edit)/);
      }
    });

    it('images come from the registry of the values, by digest where there is one', () => {
      const { env, image } = deployment('ml-serving-operator').spec!.template.spec!.containers[0]!;
      expect(image).to.equal(`registry.example/penstock/operator@sha256:${'0'.repeat(64)}`);
      expect(env).to.deep.include({ name: 'SCORER_IMAGE_PULL_SECRETS', value: 'team-pull,other-pull,global-pull' });
      expect(env!.find(({ name }) => name === 'SCORER_IMAGE')!.value).to.match(/^registry\.example\/penstock\/scorer:/);
    });

    it('pods have the labels, annotations, security, variables and constraints of the values', () => {
      const { metadata, spec } = deployment('ml-serving-operator').spec!.template;
      expect(metadata!.labels).to.include({ app: 'operator', 'app.kubernetes.io/component': 'operator' });
      expect(metadata!.annotations).to.deep.equal({ 'prometheus.io/scrape': 'false' });
      expect(spec!.securityContext).to.deep.include({ runAsUser: 1000, runAsNonRoot: true, supplementalGroups: [7] });
      expect(spec!.containers[0]!.securityContext).to.include({ runAsNonRoot: true, readOnlyRootFilesystem: true });
      expect(spec!.containers[0]!.env).to.deep.include({ name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' });
      expect(spec!.topologySpreadConstraints![0]).to.deep.include({
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: {
          matchLabels: {
            'app.kubernetes.io/name': 'penstock',
            'app.kubernetes.io/instance': 'penstock',
            'app.kubernetes.io/component': 'operator',
          },
        },
      });
      expect(deployment('ml-serving-activator').spec!.template.metadata!.labels).to.include({ app: 'activator' });
    });

    it('the activator takes requests from the peers of networkPolicy.requestsFrom', () => {
      const policy = objects.find(
        ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'ml-serving-activator',
      ) as unknown as NetworkPolicy;
      expect(policy.spec!.ingress![0]!.from).to.deep.equal([
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } },
      ]);
    });
  });

  it('has a PodDisruptionBudget for the operator and one for the activator, where they have several pods', async () => {
    const budgets = async (...values: string[]) =>
      (await render('helm', ...values)).filter(({ kind }) => kind === 'PodDisruptionBudget').length;
    expect([await budgets(), await budgets('replicas=1', 'activator.replicas=1')]).to.deep.equal([2, 0]);
  });

  it('prints no hook by helm template, whose output kubectl would apply as ordinary objects', async () =>
    expect(JSON.stringify(await render('helm'))).not.to.contain('helm.sh/hook'));

  it('gives no pod ids of user and group with podSecurity.assignUser: false', async () => {
    const made = JSON.stringify(await render('helm', 'podSecurity.assignUser=false'));
    expect(made).to.contain('{"name":"ASSIGN_USER","value":"false"}');
    expect(made).not.to.match(/runAsUser":\d|runAsGroup/);
    expect(JSON.stringify(await render('helm')).match(/"runAsUser":65532/g)).to.have.length(2);
  });

  it('takes null for a list and a map, and false in a security context', async () => {
    const made = JSON.stringify(
      await render(
        'helm',
        'imagePullSecrets=null',
        'verification.resources=null',
        'operator.securityContext.readOnlyRootFilesystem=false',
      ),
    );
    expect(made).to.contain('"readOnlyRootFilesystem":false').and.contain('\\"resources\\":{}');
  });

  it('gives the operator verification.* in the form of spec.verification', async () => {
    const settings = async (...values: string[]): Promise<unknown> => {
      const operator = (await render('helm', ...values)).find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'penstock-operator',
      ) as unknown as Deployment;
      const { env = [] } = operator.spec!.template.spec!.containers[0]!;
      return JSON.parse(env.find(({ name }) => name === 'VERIFICATION')!.value!);
    };
    expect(await settings()).to.deep.equal({ resources: {}, podMetadata: { labels: {}, annotations: {} } });
    expect(
      await settings(
        'verification.resources.limits.memory=1Gi',
        'verification.nodeSelector.pool=ml',
        'verification.tolerations[0].key=team',
        'verification.serviceAccountName=puller',
        'verification.podAnnotations.linkerd\\.io/inject=disabled',
      ),
    ).to.deep.equal({
      resources: { limits: { memory: '1Gi' } },
      nodeSelector: { pool: 'ml' },
      tolerations: [{ key: 'team' }],
      serviceAccountName: 'puller',
      podMetadata: { labels: {}, annotations: { 'linkerd.io/inject': 'disabled' } },
    });
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

/** As a row of docs/rbac.md. */
const perRow = (resources: string[], verbs: string[]): string[] => [`${resources.join(', ')}: ${verbs.join(', ')}`];

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
