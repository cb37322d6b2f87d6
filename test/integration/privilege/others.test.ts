/**
 * Least privilege of what is beside the reconciles: the metrics API's registration, and the activator. What the chart
 * grants is what was used.
 */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { runActivator } from '../../../operator/activator/activator.ts';
import { ACTIVATOR_PORTS } from '../../../operator/api/activation.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import type { InferencePipeline } from '../../../operator/api/types.gen.ts';
import { activationOf, activatorSlice } from '../../../operator/desired/activator.ts';
import { effective } from '../../../operator/desired/effective.ts';
import { currentCertificate } from '../../../operator/metricsapi/certificate.ts';
import { jsonLogger } from '@penstock/server/logger';
import { freePort } from '../../../hack/cluster/ports.ts';
import { waitFor } from '../../support/waitFor.ts';
import { granted, used, type Rule } from '../../support/control-plane/audit.ts';
import { kubeconfigFor, startOperatorOn } from '../../support/control-plane/operators.ts';
import { ACCOUNT, chart, startStage, SYSTEM, type Stage } from '../../support/control-plane/stage.ts';

const OURS = 'v1beta2.custom.metrics.k8s.io';
const CERTIFICATE = 'penstock-metrics-tls';
const ACTIVATOR = 'penstock-activator';
const PLACE = 'sleepers';
const DAY_MS = 86_400_000;

const pipeline = {
  apiVersion: KIND.pipeline.apiVersion,
  kind: KIND.pipeline.kind,
  metadata: { namespace: PLACE, name: 'iris' },
  spec: {
    target: 'Development',
    scoring: { script: 'export const init = () => {}; export const run = (x) => x;' },
    scaling: { minReplicas: 0, scaleToZeroAfter: '1m' },
  },
};
const adapter = {
  apiVersion: KIND.apiService.apiVersion,
  kind: KIND.apiService.kind,
  metadata: { name: 'v1beta1.custom.metrics.k8s.io' },
  spec: {
    group: 'custom.metrics.k8s.io',
    version: 'v1beta1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service: { namespace: 'monitoring', name: 'prometheus-adapter' },
  },
};

describe('least privilege, beside the reconciles', function () {
  this.timeout(120_000);
  let stage: Stage;
  before(async () => {
    stage = await startStage({ audit: true, clusterWide: true });
  });
  after(() => stage.stop());

  const rulesOf = async (name: string): Promise<Rule[]> =>
    (await chart())
      .filter(({ kind, metadata }) => /Role$/.test(kind) && metadata.name === name)
      .flatMap(({ rules }) => (rules ?? []) as Rule[]);
  const registration = () => stage.admin.get(KIND.apiService, '', OURS);
  const trusted = async (): Promise<string> =>
    Buffer.from(
      ((await registration())?.spec as { caBundle?: string } | undefined)?.caBundle ?? '',
      'base64',
    ).toString();
  const certificate = async (): Promise<string> =>
    ((await stage.admin.get(KIND.secret, SYSTEM, CERTIFICATE))?.data as Record<string, string> | undefined)?.[
      'tls.crt'
    ] ?? '';

  it('the metrics API is registered, restored, gets a new certificate and is removed; the chart grants exactly these rights', async () => {
    const env = { METRICS_API: 'auto', METRICS_PORT: String(await freePort()), POD_NAMESPACE: SYSTEM };
    const operator = await startOperatorOn(stage, { identity: 'metrics', env, mutations: [] });
    try {
      await waitFor(async () => (await registration()) !== undefined, 20_000, { what: 'registered' });
      const { cert, key, ca } = await currentCertificate(
        undefined,
        `penstock-metrics.${SYSTEM}.svc`,
        Date.now() - 85 * DAY_MS,
      );
      const old = Object.fromEntries(
        Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca }).map(([name, text]) => [
          name,
          Buffer.from(text).toString('base64'),
        ]),
      );
      await stage.admin.merge(KIND.secret, SYSTEM, CERTIFICATE, { body: { data: old } });
      await stage.admin.merge(KIND.apiService, '', OURS, {
        body: { spec: { caBundle: Buffer.from('an edit').toString('base64') } },
      });
      await waitFor(
        async () => (await certificate()) !== old['tls.crt'] && (await trusted()).includes(cert.trim()),
        10_000,
        { what: 'a new certificate, the old one trusted beside it' },
      );
      await stage.admin.create(adapter);
      await waitFor(async () => (await registration()) === undefined, 10_000, { what: 'withdrawn' });
    } finally {
      await operator.end('SIGTERM');
    }
    await sleep(2000); // the log is written in batches
    const { grants, forbidden } = used(stage.auditLog);
    expect(forbidden).to.deep.equal([]);
    expect(
      [...granted(await rulesOf('penstock-metrics'))].filter((grant) => !grants.has(grant)),
      'granted and never used',
    ).to.deep.equal([]);
    expect(
      await rulesOf(ACCOUNT).then((rules) =>
        [...grants].filter((grant) => /apiservices|clusterroles/.test(grant) && granted(rules).has(grant)),
      ),
      'granted twice',
    ).to.deep.equal([]);
  });

  it('the activator: the chart grants exactly the rights that it uses', async () => {
    const door = await freePort(ACTIVATOR_PORTS);
    await stage.admin.namespace(PLACE);
    const made = (await stage.admin.create(pipeline)) as unknown as InferencePipeline;
    const labels = { 'penstock.dev/pipeline': 'iris' };
    await stage.admin.create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: PLACE, name: 'iris-1', labels },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'none' }] } },
      },
    } as never);
    const slice = activatorSlice(
      made,
      { port: door, addresses: ['10.0.0.1'], addressType: 'IPv4' },
      activationOf('iris-1', effective({ target: 'Development' }), []),
    );
    await stage.kubectlRun(
      [
        'create',
        '-f',
        '-',
        '--as=system:serviceaccount:kube-system:endpointslice-controller',
        '--as-group=system:masters',
      ],
      JSON.stringify(slice),
    );
    const token = await stage.kubectlRun(['-n', SYSTEM, 'create', 'token', ACTIVATOR]);
    const stopping = new AbortController();
    const running = runActivator(
      {
        kubeconfig: kubeconfigFor(stage.server, token).kubeconfig,
        watchNamespaces: [],
        httpPort: await freePort(),
        logLevel: 'silent',
        address: '10.0.0.1',
        watchIdleMs: 60_000,
      },
      jsonLogger('silent'),
      stopping.signal,
    );
    try {
      let answer: Response | undefined;
      await waitFor(
        async () => {
          void fetch(`http://127.0.0.1:${door}/score`, { method: 'POST', body: '1' }).then(
            (one) => (answer ??= one),
            () => undefined,
          );
          await sleep(200);
          return (
            ((await stage.admin.get(KIND.deployment, PLACE, 'iris-1'))?.spec as { replicas?: number }).replicas === 1
          );
        },
        20_000,
        { what: 'woken' },
      );
      await stage.admin.remove(KIND.pipeline, PLACE, 'iris');
      await waitFor(() => Promise.resolve(answer !== undefined), 10_000, { what: 'told' });
      expect(answer?.status).to.equal(404);
    } finally {
      await stage.admin.remove(KIND.endpointSlice, PLACE, 'iris-activator');
      stopping.abort();
      await running;
    }
    await sleep(2000);
    const { grants, forbidden } = used(stage.auditLog, ACTIVATOR);
    expect(forbidden).to.deep.equal([]);
    const got = granted(await rulesOf(ACTIVATOR));
    expect({
      unused: [...got].filter((grant) => !grants.has(grant)),
      missing: [...grants].filter((grant) => !got.has(grant)),
    }).to.deep.equal({ unused: [], missing: [] });
  });
});
