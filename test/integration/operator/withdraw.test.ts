/** What helm uninstall runs first, on a real API server. */
import { expect } from 'chai';
import { NAME } from '../../../operator/metricsapi/registration.ts';
import { withdraw } from '../../../operator/withdraw.ts';
import { startApi, type Api } from '../../support/fixtures/operator.ts';

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: operator, namespace: penstock-system }
spec:
  replicas: 2
  selector: { matchLabels: { a: b } }
  template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: a, image: a }] } }
`;
const registration = (service: string, namespace = 'penstock-system'): string => `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: ${NAME} }
spec:
  group: custom.metrics.k8s.io
  version: v1beta2
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: { name: ${service}, namespace: ${namespace} }
`;

describe('withdraw', function () {
  this.timeout(60_000);
  let api: Api;
  before(async () => {
    api = await startApi();
  });
  after(() => api.stop());
  afterEach(async () => {
    await api.run(['delete', 'apiservice', NAME, '--ignore-not-found']);
    await api.run(['-n', 'penstock-system', 'delete', 'deployment', 'operator', '--ignore-not-found']);
  });

  const run = (): Promise<void> =>
    withdraw({
      kubeconfig: api.kubeconfig,
      namespace: 'penstock-system',
      metricsService: 'metrics',
      deployment: 'operator',
    });
  const registered = (): Promise<string> => api.run(['get', 'apiservice', NAME, '--ignore-not-found', '-o', 'name']);

  it('stops the operator, and deletes its registration of the metrics API', async () => {
    await api.run(['apply', '-f', '-'], `${DEPLOYMENT}---${registration('metrics')}`);
    await run();
    expect(await registered()).to.equal('');
    const replicas = ['get', 'deployment', 'operator', '-o', 'jsonpath={.spec.replicas}'];
    expect(await api.run(['-n', 'penstock-system', ...replicas])).to.equal('0');
  });

  for (const [what, other] of [
    ['of another adapter', registration('prometheus-adapter')],
    ['of a release in another namespace', registration('metrics', 'other')],
  ] as const)
    it(`leaves the registration ${what} alone`, async () => {
      await api.run(['apply', '-f', '-'], other);
      await run();
      expect(await registered()).to.equal(`apiservice.apiregistration.k8s.io/${NAME}`);
    });

  it('succeeds where nothing is left', () => run());
});
