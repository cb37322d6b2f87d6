/**
 * A poisonous object of every kind that is watched, on a real API server without the chart's policies: another
 * namespace is served.
 */
import { expect } from 'chai';
import * as yaml from 'js-yaml';
import { ANNOTATION, LABEL } from '../../../operator/api/labels.ts';
import { startApi, startOperator, type Api, type RunningOperator } from '../../support/fixtures/operator.ts';
import { waitFor } from '../../support/waitFor.ts';
import { TEXTS } from '../../property/fuzz/objects.ts';

const meta = (name: string, labels: object, annotations: object): object => ({
  name,
  namespace: 'attacker',
  labels,
  annotations,
});
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } };
const pod = { kind: 'Pod', apiVersion: 'v1', spec: template.spec };
/** One of each kind of the caches. */
const KINDS: { kind: string; apiVersion: string; [field: string]: unknown }[] = [
  {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    data: { 'traffic.json': '{', 'revision.json': '{"models":[null]}', 'podTemplate.json': '{"spec":null}' },
  },
  { kind: 'Service', apiVersion: 'v1', spec: { ports: [{ port: 80 }] } },
  pod,
  { kind: 'Deployment', apiVersion: 'apps/v1', spec: { replicas: 0, selector: { matchLabels: { a: 'b' } }, template } },
  {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } },
  },
  {
    kind: 'PodDisruptionBudget',
    apiVersion: 'policy/v1',
    spec: { maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } },
  },
  { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', addressType: 'IPv4', endpoints: [], ports: [] },
  { kind: 'NetworkPolicy', apiVersion: 'networking.k8s.io/v1', spec: { podSelector: {} } },
  {
    kind: 'Job',
    apiVersion: 'batch/v1',
    spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
  },
  {
    kind: 'InferencePipeline',
    apiVersion: 'penstock.dev/v1alpha1',
    spec: { target: 'Development', scoring: { script: 'export function run() {}' } },
  },
  {
    kind: 'ModelVersion',
    apiVersion: 'penstock.dev/v1alpha1',
    spec: { model: 'm', version: '1', format: 'ONNX', source: { uri: 'configmap://none/x' } },
  },
];
/** All annotations of an object may have 256 KiB together. */
const LARGE = 20_000;
const isAnnotation = (text: string): boolean =>
  Buffer.byteLength(text) < 200_000 && !text.includes('\0') && !/[\ud800-\udfff]/.test(text);
const isLabel = (text: string): boolean => /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(text);
const labelOf = (text: string): string => (isLabel(text) ? text : 'x');

/** Each kind with each hostile text that the server takes, in all of our annotations and labels at once. */
const poison = (victim: object[]): object[] =>
  KINDS.flatMap((one, k) =>
    TEXTS.filter(isAnnotation).map((text, i) => {
      const labels = Object.fromEntries(
        Object.values(LABEL).map((name) => [name, name === LABEL.managedBy ? 'penstock' : labelOf(text)]),
      );
      const names = Buffer.byteLength(text) < LARGE ? Object.values(ANNOTATION) : [ANNOTATION.record];
      const annotations = Object.fromEntries(names.map((name) => [name, text]));
      const metadata = meta(`p${k}-${i}`, labels, annotations);
      return {
        ...one,
        metadata: one.apiVersion.startsWith('penstock')
          ? metadata
          : { ...metadata, ownerReferences: i % 2 === 0 ? victim : [] },
      };
    }),
  );

describe('hostile objects on a real API server', function () {
  this.timeout(180_000);
  let api: Api;
  let operator: RunningOperator;
  const pipeline = yaml.dump({
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'InferencePipeline',
    metadata: { name: 'good' },
    spec: { target: 'Development', scoring: { script: 'export function run() {}' } },
  });
  const revision = (): Promise<string> =>
    api.run(['get', 'deployments', '-l', 'penstock.dev/pipeline=good', '-o', 'jsonpath={.items[*].metadata.name}']);
  async function heals(): Promise<void> {
    const name = await revision();
    await api.run(['delete', 'deployment', name, '--wait=true']);
    await waitFor(async () => (await revision()) === name, 10_000, { what: 'the Deployment is there again' });
  }
  before(async () => {
    api = await startApi();
    operator = await startOperator(api);
    await api.run(['apply', '-f', '-'], pipeline);
    await waitFor(async () => (await revision()) !== '', 10_000, { what: 'a Deployment' });
    await api.run(['create', 'namespace', 'attacker']);
    await api.run(['-n', 'attacker', 'create', 'serviceaccount', 'default']).catch(() => undefined);
    const uid = await api.run(['get', 'ipl', 'good', '-o', 'jsonpath={.metadata.uid}']);
    const victim = [
      { apiVersion: 'penstock.dev/v1alpha1', kind: 'InferencePipeline', name: 'good', uid, controller: true },
    ];
    const objects = poison(victim);
    for (let i = 0; i < objects.length; i += 100)
      await api.run(
        ['create', '-f', '-'],
        objects
          .slice(i, i + 100)
          .map((object) => JSON.stringify(object))
          .join('\n---\n'),
      );
  });
  after(async () => {
    await operator.stop();
    await api.stop();
  });

  it('children of another namespace are restored meanwhile', heals);
  it('its pipeline lists no revision of theirs', async () =>
    expect(await api.run(['get', 'ipl', 'good', '-o', 'jsonpath={.status.revisions[*].name}'])).to.equal(
      await revision(),
    ));
  it('an operator that starts with hostile objects becomes Ready and restores children', async () => {
    await operator.stop();
    operator = await startOperator(api);
    await heals();
  });
  it('none of their objects became a child', async () => {
    const made = await api.run([
      '-n',
      'attacker',
      'get',
      'deployments',
      '-o',
      'jsonpath={.items[?(@.spec.replicas>0)].spec.template.spec.containers[0].image}',
    ]);
    expect(made).not.to.match(/(^| )a( |$)/);
  });
});
