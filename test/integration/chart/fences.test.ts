/**
 * The admission policies of the chart on a real API server: what other accounts may do to children, and what the
 * operator's own may do at all.
 */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import { Agent, request } from 'undici';
import { chart } from '../../support/control-plane/stage.ts';
import { startApi, type Api } from '../../support/fixtures/operator.ts';
import { waitFor } from '../../support/waitFor.ts';

const OPERATOR = 'system:serviceaccount:penstock-system:penstock-operator';
const ENDPOINT_SLICES = 'system:serviceaccount:kube-system:endpointslice-controller';

const OURS = { 'app.kubernetes.io/managed-by': 'penstock' };
const owner = (name: string, kind = 'InferencePipeline') => [
  { apiVersion: 'penstock.dev/v1alpha1', kind, name, uid: '11111111-1111-1111-1111-111111111111', controller: true },
];
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const pods = (change: object = {}) => ({
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [{ name: 'a', image: 'a', securityContext: restricted }],
  ...change,
});

interface Child {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}
interface Meta {
  name: string;
  namespace?: string;
  labels?: object;
  ownerReferences?: object[];
  annotations?: object;
}
const deployment = (spec: object): Child => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec } },
});
const job = (spec: object): Child => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  spec: { template: { spec: { restartPolicy: 'Never', ...spec } } },
});
/** A child of each kind, without metadata. */
const CHILDREN: Child[] = [
  { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } },
  { apiVersion: 'v1', kind: 'Service', spec: { type: 'ClusterIP', ports: [{ port: 80 }] } },
  deployment(pods()),
  job(pods()),
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'iris' } },
  },
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    spec: { maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } },
  },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', spec: { podSelector: {} } },
  { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints: [], ports: [] },
];
/** Of a child that the operator makes: an EndpointSlice is the activator's. */
const nameOf = (kind: string, name: string): string => (kind === 'EndpointSlice' ? 'iris-activator' : name);
const labelsOf = (kind: string): object => ({
  ...OURS,
  ...(kind === 'EndpointSlice' && { 'kubernetes.io/service-name': 'iris' }),
});
const named = (child: Child, metadata: Meta): string => yaml.dump({ ...child, metadata });

describe('the chart’s policies', function () {
  this.timeout(60_000);
  let api: Api;
  const refusal = async (args: string[], input?: string): Promise<string> =>
    api.run(args, input).then(
      () => '',
      (error: unknown) => String((error as { stderr?: string }).stderr),
    );
  const create = (text: string, ...as: string[]): Promise<string> => refusal(['create', '-f', '-', ...as], text);
  before(async () => {
    api = await startApi();
    const objects = (await chart('python.cacheClaim=packages')).filter(
      ({ kind }) => kind !== 'Deployment' && kind !== 'CustomResourceDefinition',
    );
    await api.run(['apply', '-f', '-'], objects.map((object) => yaml.dump(object)).join('---\n'));
    for (const [account, name] of [
      [OPERATOR, 'operator'],
      [ENDPOINT_SLICES, 'slices'],
    ] as const)
      await api.run(['create', 'clusterrolebinding', name, '--clusterrole=cluster-admin', `--user=${account}`]);
    await sleep(2000); // a policy takes effect within about a second
  });
  after(() => api.stop());

  describe('on children: other accounts', () => {
    const message = (kind: string): string =>
      `only the Penstock operator in namespace penstock-system creates and changes a ${kind} with the label penstock.dev/role or app.kubernetes.io/managed-by=penstock`;
    for (const child of CHILDREN) {
      const { kind } = child;
      const own = nameOf(kind, 'child');
      const meta = (name: string) => ({ name, namespace: 'default', labels: labelsOf(kind) });
      describe(kind, () => {
        before(async () => {
          await api.run(
            ['create', '-f', '-', `--as=${OPERATOR}`],
            named(child, { ...meta(own), ownerReferences: owner('iris') }),
          );
          await api.run(['create', '-f', '-'], named(child, { name: 'own', namespace: 'default' }));
        });
        it('cannot create one', async () =>
          expect(await create(named(child, meta('forged')))).to.contain(message(kind)));
        it('cannot change one', async () =>
          expect(await refusal(['annotate', kind, own, 'a=b'])).to.contain(message(kind)));
        it('cannot take its label away', async () =>
          expect(await refusal(['label', kind, own, 'app.kubernetes.io/managed-by-'])).to.contain(message(kind)));
        it('cannot make one out of their own', async () =>
          expect(await refusal(['label', kind, 'own', 'app.kubernetes.io/managed-by=penstock'])).to.contain(
            message(kind),
          ));
        it('change their own', () => api.run(['annotate', kind, 'own', 'a=b']));
        it('of Kubernetes’ controllers change one', () =>
          api.run(['annotate', kind, own, 'a=b', `--as=${ENDPOINT_SLICES}`]));
        it('delete one', () => api.run(['delete', kind, own]));
      });
    }
    it('may restart the pods of a Deployment as kubectl does, and change nothing else', async () => {
      await api.run(
        ['create', '-f', '-', `--as=${OPERATOR}`],
        named(CHILDREN[2]!, {
          name: 'restarted',
          namespace: 'default',
          labels: OURS,
          annotations: { 'penstock.dev/applied': 'x' },
          ownerReferences: owner('iris'),
        }),
      );
      await api.run(['rollout', 'restart', 'deployment', 'restarted']);
      const change = (template: object): Promise<string> =>
        refusal(['patch', 'deployment', 'restarted', '--type=strategic', '-p', JSON.stringify({ spec: { template } })]);
      expect(
        await change({ metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now', other: 'x' } } }),
      ).to.contain('only the Penstock operator');
      expect(
        await change({
          metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } },
          spec: { serviceAccountName: 'other' },
        }),
      ).to.contain('only the Penstock operator');
    });
    it('cannot create a ConfigMap with our role and no other label', async () =>
      expect(
        await create(named(CHILDREN[0]!, { name: 'forged', labels: { 'penstock.dev/role': 'traffic' } })),
      ).to.contain(message('ConfigMap')));
  });

  describe('on the operator’s account', () => {
    const as = `--as=${OPERATOR}`;
    const KEY_LABELS = { 'app.kubernetes.io/managed-by': 'penstock', 'penstock.dev/pipeline': 'iris' };
    const secret = (name: string, change: object = {}) =>
      yaml.dump({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'default', labels: KEY_LABELS },
        ...change,
      });
    const apiService = (name: string, service: object) =>
      yaml.dump({
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name },
        spec: {
          group: name.slice(name.indexOf('.') + 1),
          version: name.split('.')[0],
          groupPriorityMinimum: 100,
          versionPriority: 100,
          service,
        },
      });
    const ours = (child: Child, name: string, change: object = {}) =>
      named(child, {
        name,
        namespace: 'default',
        labels: labelsOf(child.kind),
        ownerReferences: owner('iris'),
        ...change,
      });

    for (const child of CHILDREN) {
      const { kind } = child;
      it(`makes a ${kind} of a pipeline, changes and deletes it`, async () => {
        const name = nameOf(kind, 'legal');
        await api.run(['create', '-f', '-', as], ours(child, name));
        await api.run(['annotate', kind, name, 'a=b', as]);
        await api.run(['delete', kind, name, as]);
      });
      const tries: [string, Meta, string][] = [
        [
          'in kube-system',
          { name: nameOf(kind, 'x'), namespace: 'kube-system', labels: labelsOf(kind), ownerReferences: owner('iris') },
          'may write nothing in kube-* and in its own namespace',
        ],
        [
          'in its own namespace',
          {
            name: nameOf(kind, 'x'),
            namespace: 'penstock-system',
            labels: labelsOf(kind),
            ownerReferences: owner('iris'),
          },
          'may write nothing in kube-* and in its own namespace',
        ],
        [
          'without its label',
          { name: 'x', namespace: 'default', ownerReferences: owner('iris') },
          'the Penstock operator may only make',
        ],
        [
          'of nothing',
          { name: 'x', namespace: 'default', labels: labelsOf(kind) },
          'the Penstock operator may only make',
        ],
        [
          'of another kind of owner',
          { name: 'x', namespace: 'default', labels: labelsOf(kind), ownerReferences: owner('iris', 'Other') },
          'the Penstock operator may only make',
        ],
      ];
      for (const [what, metadata, message] of tries)
        it(`cannot make a ${kind} ${what}`, async () =>
          expect(await create(named(child, metadata), as)).to.contain(message));
      it(`cannot change or delete a ${kind} of others`, async () => {
        await api.run(['create', '-f', '-'], named(child, { name: 'theirs', namespace: 'default' }));
        expect(await refusal(['annotate', kind, 'theirs', 'a=b', as])).to.contain('the Penstock operator may only');
        expect(await refusal(['delete', kind, 'theirs', as])).to.contain(
          'may only change and delete objects that are its own',
        );
      });
    }

    for (const [what, change, message] of [
      ['with a token', { automountServiceAccountToken: true }, 'without a service-account token'],
      ['as root', { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }, 'do not run as root'],
      ['without a seccomp profile', { securityContext: { runAsNonRoot: true } }, 'default seccomp profile'],
      [
        'with a container of another user',
        { containers: [{ name: 'a', image: 'a', securityContext: { ...restricted, runAsUser: 0 } }] },
        'drop all capabilities',
      ],
      [
        'on a port of the host',
        {
          containers: [
            { name: 'a', image: 'a', securityContext: restricted, ports: [{ containerPort: 80, hostPort: 443 }] },
          ],
        },
        'no port of the host',
      ],
      ['on the host’s network', { hostNetwork: true }, 'without the host'],
      [
        'with a host path',
        { volumes: [{ name: 'root', hostPath: { path: '/' } }] },
        'only mount emptyDir, configMap and secret',
      ],
      [
        'with a projected token',
        { volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] },
        'only mount emptyDir, configMap and secret',
      ],
      [
        'with a claim that it may write, and that is not the cache of packages',
        { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
        'claims that it only reads, and python.cacheClaim',
      ],
      [
        'with a container that may gain privileges',
        { containers: [{ name: 'a', image: 'a', securityContext: { capabilities: { drop: ['ALL'] } } }] },
        'drop all capabilities',
      ],
      ['with an unrestricted init container', { initContainers: [{ name: 'b', image: 'a' }] }, 'drop all capabilities'],
      [
        'with a capability',
        {
          containers: [
            {
              name: 'a',
              image: 'a',
              securityContext: { ...restricted, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } },
            },
          ],
        },
        'drop all capabilities',
      ],
    ] as const) {
      for (const made of [deployment, job])
        it(`cannot make a ${made({}).kind} ${what}`, async () =>
          expect(await create(ours(made(pods(change)), 'x'), as)).to.contain(message));
    }

    it('can make a Deployment with the cache of packages, and with a claim that it only reads', async () => {
      const volumes = [
        { name: 'cache', persistentVolumeClaim: { claimName: 'packages' } },
        { name: 'models', persistentVolumeClaim: { claimName: 'models', readOnly: true } },
      ];
      expect(await create(ours(deployment(pods({ volumes })), 'cached'), as)).to.equal('');
    });

    const others: [string, string, string][] = [
      [
        'a token of a ServiceAccount',
        secret('iris-keys', {
          type: 'kubernetes.io/service-account-token',
          metadata: {
            name: 'iris-keys',
            namespace: 'default',
            labels: KEY_LABELS,
            annotations: { 'kubernetes.io/service-account.name': 'default' },
          },
        }),
        'Opaque Secrets',
      ],
      ['a Secret of another name', secret('other-keys'), 'Opaque Secrets'],
      [
        'a Secret without its labels',
        secret('iris-keys', { metadata: { name: 'iris-keys', namespace: 'default' } }),
        'Opaque Secrets',
      ],
      [
        'a Secret with another owner',
        secret('iris-keys', {
          metadata: { name: 'iris-keys', namespace: 'default', labels: KEY_LABELS, ownerReferences: owner('other') },
        }),
        'only make a pipeline the owner',
      ],
      [
        'a Secret in kube-system',
        secret('iris-keys', {
          metadata: { name: 'iris-keys', namespace: 'kube-system', labels: KEY_LABELS },
        }),
        'Opaque Secrets',
      ],
      [
        'a certificate in another namespace than its own',
        secret('penstock-metrics-tls', { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } }),
        'Opaque Secrets',
      ],
      [
        'a Service with an external address',
        ours({ ...CHILDREN[1]!, spec: { type: 'ClusterIP', externalIPs: ['192.0.2.1'], ports: [{ port: 80 }] } }, 'x'),
        'Services of type ClusterIP',
      ],
      [
        'a Service on every node',
        ours({ ...CHILDREN[1]!, spec: { type: 'NodePort', ports: [{ port: 80 }] } }, 'x'),
        'Services of type ClusterIP',
      ],
      ['an EndpointSlice with another name', ours(CHILDREN[7]!, 'x'), 'of the Service of the pipeline'],
      [
        'an EndpointSlice with another port',
        ours({ ...CHILDREN[7]!, ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }, 'iris-activator'),
        'of the Service of the pipeline',
      ],
      [
        'an EndpointSlice of another Service',
        ours(CHILDREN[7]!, 'x', { labels: { ...OURS, 'kubernetes.io/service-name': 'bank' } }),
        'of the Service of the pipeline',
      ],
      [
        'another API',
        apiService('v1.evil.example', { namespace: 'penstock-system', name: 'penstock-metrics' }),
        'only register v1beta2.custom.metrics.k8s.io',
      ],
      [
        'the metrics API, served by another Service',
        apiService('v1beta2.custom.metrics.k8s.io', { namespace: 'default', name: 'evil' }),
        'only register v1beta2.custom.metrics.k8s.io',
      ],
    ];
    for (const [what, text, message] of others)
      it(`cannot make ${what}`, async () => expect(await create(text, as)).to.contain(message));
    describe('of the keys of a pipeline', () => {
      const patch = (name: string, change: object) =>
        refusal(['patch', 'secret', name, '--type=merge', '-p', JSON.stringify(change), as]);
      before(async () => {
        expect(await create(secret('iris-keys', { data: { primaryKey: 'a2V5' } }), as)).to.equal('');
        await api.run(['create', 'secret', 'generic', 'mine-keys', '--from-literal=primaryKey=key']);
      });

      it('may set and remove the owner', async () => {
        expect(await patch('iris-keys', { metadata: { ownerReferences: owner('iris') } })).to.equal('');
        expect(await patch('iris-keys', { metadata: { ownerReferences: null } })).to.equal('');
      });
      for (const [what, change] of [
        ['the keys', { data: { primaryKey: 'b3RoZXI=' } }],
        ['an annotation', { metadata: { annotations: { a: 'b' } } }],
        ['a label', { metadata: { labels: { a: 'b' } } }],
        ['a finalizer', { metadata: { finalizers: ['a.b/c'] } }],
      ] as const)
        it(`cannot change ${what}`, async () =>
          expect(await patch('iris-keys', change)).to.contain('may only change the owner references'));
      it('cannot make anything else its owner', async () =>
        expect(await patch('iris-keys', { metadata: { ownerReferences: owner('other') } })).to.contain(
          'only make a pipeline the owner',
        ));
      it('cannot change the Secret of a user', async () =>
        expect(await patch('mine-keys', { metadata: { ownerReferences: owner('mine') } })).to.contain(
          'Opaque Secrets that hold the keys',
        ));
    });
    it('registers the metrics API, served by its own Service', async () =>
      expect(
        await create(
          apiService('v1beta2.custom.metrics.k8s.io', { namespace: 'penstock-system', name: 'penstock-metrics' }),
          as,
        ),
      ).to.equal(''));

    it('scales no Deployment of others', async () => {
      await api.run(['create', '-f', '-'], named(deployment(pods()), { name: 'foreign', namespace: 'default' }));
      expect(await refusal(['scale', 'deployment', 'foreign', '--replicas=0', as])).to.contain(
        'may only scale Deployments of pipelines',
      );
    });
  });

  describe('on the deletion of ModelVersions', () => {
    const folder = join(import.meta.dirname, '../../../examples/iris');
    const remaining = () => api.run(['get', 'mver,ipl', '-o', 'name']);
    const refused = () => refusal(['delete', 'mver', 'iris-1', '--dry-run=server']);
    beforeEach(async () => {
      await api.run(['apply', '-f', folder]);
      await waitFor(async () => (await refused()) !== '', 10_000, { what: 'the policy knows the pipeline' });
    });
    afterEach(() => refusal(['delete', '-f', folder, '--ignore-not-found']));

    it('refuses one that a pipeline names, with the command that helps', async () =>
      expect(await refused()).to.contain(
        'ModelVersion iris-1 is used by InferencePipeline iris. Change its spec.models, or delete it first: kubectl -n default delete inferencepipeline iris',
      ));

    it('one command, or its second attempt, deletes a folder with a pipeline and its model', async () => {
      await refusal(['delete', '-f', folder]);
      await refusal(['delete', '-f', folder, '--ignore-not-found']);
      expect(await remaining()).to.equal('');
    });

    it('one that no pipeline names any more can be deleted', async () => {
      const spec = { models: [{ name: 'iris', modelVersion: 'iris-2' }] };
      await api.run(['patch', 'ipl', 'iris', '--type=merge', '-p', JSON.stringify({ spec })]);
      await waitFor(async () => (await refused()) === '', 10_000, { what: 'the policy knows the change' });
      expect(await refusal(['delete', 'mver', 'iris-1'])).to.equal('');
    });
  });

  it('a pipeline in a system namespace is refused, with the reason', async () => {
    const pipeline = yaml.dump({
      apiVersion: 'penstock.dev/v1alpha1',
      kind: 'InferencePipeline',
      metadata: { name: 'p', namespace: 'kube-system' },
      spec: { target: 'Development', scoring: { script: 'export function run() {}' } },
    });
    expect(await create(pipeline)).to.contain('Penstock makes no endpoints in namespace kube-system');
  });

  describe('the tokens of both accounts', () => {
    /**
     * What each may do in all namespaces beside what every account may, subresources aside: as the chart's roles say,
     * and nothing else.
     */
    const CHILD_VERBS = 'create delete get list patch watch';
    const MAY: Record<string, Record<string, string>> = {
      'penstock-operator': {
        ...Object.fromEntries(
          [
            'configmaps',
            'services',
            'deployments.apps',
            'jobs.batch',
            'horizontalpodautoscalers.autoscaling',
            'poddisruptionbudgets.policy',
            'networkpolicies.networking.k8s.io',
            'endpointslices.discovery.k8s.io',
          ].map((kind) => [kind, CHILD_VERBS]),
        ),
        'inferencepipelines.penstock.dev': 'get list watch',
        'modelversions.penstock.dev': 'get list watch',
        secrets: 'create get patch',
        pods: 'list patch watch',
        persistentvolumeclaims: 'get', // because of python.cacheClaim
        'events.events.k8s.io': 'create list',
        'apiservices.apiregistration.k8s.io': 'create list watch',
      },
      'penstock-activator': {
        'endpointslices.discovery.k8s.io': 'list watch',
        'inferencepipelines.penstock.dev': 'get',
      },
    };
    let everyAccount: Record<string, string>;
    before(async () => {
      await api.run(['delete', 'clusterrolebinding', 'operator']);
      await api.run(['-n', 'penstock-system', 'create', 'serviceaccount', 'other']);
      everyAccount = await allowedTo('other');
    });
    after(() => agent.close());
    const agent = new Agent({ connections: 4, connect: { rejectUnauthorized: false } });
    const VERBS = [
      'get',
      'list',
      'watch',
      'create',
      'update',
      'patch',
      'delete',
      'deletecollection',
      'impersonate',
      'bind',
      'escalate',
      'approve',
      'sign',
      'use',
    ];
    for (const [account, may] of Object.entries(MAY)) {
      it(`${account}: every verb on every kind`, async () =>
        expect(await allowedTo(account)).to.deep.equal({ ...may, ...everyAccount }));
    }

    /** The verbs of an account by kind. */
    async function allowedTo(account: string): Promise<Record<string, string>> {
      const token = await api.run(['-n', 'penstock-system', 'create', 'token', account]);
      const kinds = (await api.run(['api-resources', '-o', 'name'])).split('\n');
      const server = await api.run(['config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}']);
      const allowed: Record<string, string> = {};
      await Promise.all(
        kinds.map(async (kind) => {
          const [resource = '', ...group] = kind.split('.');
          const reviews = await Promise.all(
            VERBS.map(async (verb) =>
              (await review(server, token, { verb, resource, group: group.join('.') })) ? [verb] : [],
            ),
          );
          if (reviews.flat().length > 0) allowed[kind] = reviews.flat().sort().join(' ');
        }),
      );
      return allowed;
    }

    async function review(server: string, token: string, attributes: object): Promise<boolean> {
      const answer = await request(`${server}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews`, {
        method: 'POST',
        dispatcher: agent,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { namespace: 'default', ...attributes } },
        }),
      });
      if (answer.statusCode === 429) {
        // the server has its own fair shares
        await answer.body.dump();
        await sleep(200);
        return review(server, token, attributes);
      }
      return ((await answer.body.json()) as { status: { allowed: boolean } }).status.allowed;
    }
  });
});
