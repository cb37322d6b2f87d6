/** The operator against a real API server (no kubelet: pods never come): children, drift, refusals, restarts. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApi, startOperator, type Api, type RunningOperator } from '../../support/fixtures/operator.ts';
import { waitFor } from '../../support/waitFor.ts';

const example = (file: string): string =>
  readFileSync(join(import.meta.dirname, '../../../examples/iris', file), 'utf8');
const script = (name: string, target = 'Production', extra = ''): string => `
apiVersion: penstock.dev/v1alpha1
kind: InferencePipeline
metadata: { name: ${name}, namespace: default }
spec: { target: ${target}, scoring: { script: "export const init = () => {}; export const run = (x) => x;" }${extra} }
`;

describe('the operator on a real API server', function () {
  this.timeout(60_000);
  let api: Api;
  let operator: RunningOperator;
  const get = async (kind: string, name: string): Promise<Record<string, never> | undefined> => {
    const text = await api.run(['get', kind, name, '-o', 'json', '--ignore-not-found']);
    return text === '' ? undefined : (JSON.parse(text) as Record<string, never>);
  };
  const field = (kind: string, name: string, path: string): Promise<string> =>
    api.run(['get', kind, name, '--ignore-not-found', '-o', `jsonpath={${path}}`]);
  const reason = (name: string): Promise<string> =>
    field('ipl', name, '.status.conditions[?(@.type=="UpToDate")].reason');

  before(async () => {
    api = await startApi();
    operator = await startOperator(api);
  });
  after(async () => {
    await operator.stop();
    await api.stop();
  });

  it('a new pipeline: one write for each child, and one to scale', async () => {
    await api.run(['apply', '-f', '-'], script('first'));
    await waitFor(async () => (await reason('first')) === 'RollingOut');
    const revision = await field('ipl', 'first', '.status.activeRevision');
    expect(await field('deployment', revision, '.spec.replicas')).to.equal('2');
    expect(await field('service', 'first', '.spec.selector.penstock\\.dev/revision')).to.equal(revision);
    expect(await field('secret', 'first-keys', '.data.primaryKey')).to.match(/^[A-Za-z0-9+/=]{40,}$/);
    expect(await field('configmap', revision, '.immutable')).to.equal('true');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await operator.writes()).to.deep.equal({
      'POST Secret': 1,
      'POST ConfigMap': 2,
      'POST Service': 1,
      'POST Deployment': 1,
      'POST PodDisruptionBudget': 1,
      'POST NetworkPolicy': 1,
      'PATCH Deployment/scale': 1,
      'PATCH InferencePipeline/status': 1,
    });
  });

  it('only the field manager of the scale subresource owns replicas', async () => {
    const revision = await field('ipl', 'first', '.status.activeRevision');
    const managed = JSON.parse(
      await api.run(['get', 'deployment', revision, '-o', 'json', '--show-managed-fields']),
    ) as { metadata: { managedFields: { manager: string; fieldsV1: { 'f:spec'?: object } }[] } };
    const owners = managed.metadata.managedFields
      .filter(({ fieldsV1 }) => 'f:replicas' in (fieldsV1['f:spec'] ?? {}))
      .map(({ manager }) => manager);
    expect(owners).to.deep.equal(['penstock-scale']);
  });

  it('an operator that restarts with nothing changed writes nothing', async () => {
    await operator.stop();
    operator = await startOperator(api);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await operator.writes()).to.deep.equal({});
  });

  it('a deleted or edited child is restored', async () => {
    const revision = await field('ipl', 'first', '.status.activeRevision');
    const before = await field('service', 'first', '.metadata.uid');
    await api.run(['delete', 'service', 'first']);
    await api.run([
      'patch',
      'deployment',
      revision,
      '--type=json',
      '-p',
      '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil"}]',
    ]);
    await api
      .run(['patch', 'configmap', 'first-traffic', '--type=merge', '-p', '{"data": {"traffic.json": "{}"}}'])
      .catch(() => undefined);
    await waitFor(
      async () =>
        (await field('service', 'first', '.metadata.uid')) !== before &&
        (await field('service', 'first', '.metadata.uid')) !== '',
    );
    await waitFor(
      async () =>
        (await field('deployment', revision, '.spec.template.spec.containers[0].image')) === 'penstock/scorer:test',
    );
    await waitFor(async () =>
      (await field('configmap', 'first-traffic', '.data.traffic\\.json')).includes('keyHashes'),
    );
  });

  it('a change of scaling does not change the pod template', async () => {
    const revision = await field('ipl', 'first', '.status.activeRevision');
    const generation = await field('deployment', revision, '.metadata.generation');
    await api.run([
      'patch',
      'ipl',
      'first',
      '--type=merge',
      '-p',
      '{"spec": {"scaling": {"minReplicas": 2, "maxReplicas": 7}}}',
    ]);
    await waitFor(async () => (await field('ipl', 'first', '.status.effective.maxReplicas')) === '7');
    expect(await field('deployment', revision, '.metadata.generation')).to.equal(generation);
  });

  it('an object of another owner with a child’s name is refused and not changed', async () => {
    await api.run(['create', 'service', 'clusterip', 'taken', '--tcp=80']);
    const before = await get('service', 'taken');
    await api.run(['apply', '-f', '-'], script('taken'));
    await waitFor(async () => (await reason('taken')) === 'ChildNotOwned');
    expect(await field('ipl', 'taken', '.status.conditions[?(@.type=="UpToDate")].message')).to.contain(
      'Service taken exists and is not this InferencePipeline',
    );
    expect(await field('ipl', 'taken', '.status.conditions[?(@.type=="Stalled")].status')).to.equal('True');
    expect(await get('service', 'taken')).to.deep.equal(before);
  });

  it('a model is verified by one Job, after its ConfigMap exists', async () => {
    const [configMap, modelVersion] = example('01-model.yaml').split('---\n') as [string, string];
    await api.run(['apply', '-f', '-'], modelVersion);
    await waitFor(async () => (await field('mver', 'iris-1', '.status.conditions[0].reason')) === 'ResourceNotReady');
    await api.run(['apply', '-f', '-'], configMap);
    await waitFor(async () => (await field('mver', 'iris-1', '.status.conditions[0].reason')) === 'Verifying');
    const jobs = JSON.parse(await api.run(['get', 'jobs', '-o', 'json'])) as {
      items: {
        spec: {
          backoffLimit: number;
          template: { spec: { restartPolicy: string; automountServiceAccountToken: boolean } };
        };
      }[];
    };
    expect(jobs.items).to.have.length(1);
    expect(jobs.items[0]!.spec.template.spec).to.include({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
    });
  });

  it('an existing Secret with keys is used, and not changed', async () => {
    await api.run([
      'create',
      'secret',
      'generic',
      'mine-keys',
      '--from-literal=primaryKey=chosen-by-the-user-and-long-enough',
    ]);
    await api.run(['apply', '-f', '-'], script('mine'));
    await waitFor(async () => (await field('configmap', 'mine-traffic', '.data.traffic\\.json')).includes('keyHashes'));
    const { createHash } = await import('node:crypto');
    expect(await field('configmap', 'mine-traffic', '.data.traffic\\.json')).to.contain(
      createHash('sha256').update('chosen-by-the-user-and-long-enough').digest('hex'),
    );
  });

  it('the pods that serve are not touched when their revision’s ConfigMap is lost and another generation is wanted', async () => {
    await api.run(['apply', '-f', '-'], script('loser', 'Development'));
    await waitFor(async () => (await reason('loser')) === 'RollingOut');
    const revision = await field('ipl', 'loser', '.status.activeRevision');
    const uid = await field('deployment', revision, '.metadata.uid');
    await api.run([
      'patch',
      'ipl',
      'loser',
      '--type=merge',
      '-p',
      '{"spec": {"models": [{"name": "gone", "modelVersion": "gone-1"}]}}',
    ]);
    await waitFor(async () => (await reason('loser')) === 'ModelNotReady');
    await api.run(['delete', 'configmap', revision]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await field('deployment', revision, '.metadata.uid')).to.equal(uid);
    expect(await field('service', 'loser', '.spec.selector.penstock\\.dev/revision')).to.equal(revision);
  });

  it('target Development: no Secret and no PodDisruptionBudget', async () => {
    await api.run(['apply', '-f', '-'], script('small', 'Development'));
    await waitFor(async () => (await reason('small')) === 'RollingOut');
    expect([
      await field('secret', 'small-keys', '.metadata.name'),
      await api.run(['get', 'pdb', '-l', 'penstock.dev/pipeline=small', '-o', 'name']),
    ]).to.deep.equal(['', '']);
  });

  it('a refused child is published as one Event', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const events = (
      await api.run([
        'get',
        'events.events.k8s.io',
        '-o',
        'jsonpath={range .items[?(@.regarding.name=="taken")]}{.reason}{"\\n"}{end}',
      ])
    )
      .trim()
      .split('\n');
    expect(events).to.deep.equal(['ChildNotOwned']);
  });
});
