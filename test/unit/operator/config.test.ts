/** The settings of the operator and of the activator. */
import { expect } from 'chai';
import { parseConfig, readConfig } from '../../../operator/config.ts';
import { readActivatorConfig } from '../../../operator/activator/config.ts';
import { ACTIVATOR_VARIABLES, OPERATOR_VARIABLES } from '../../../operator/variables.ts';
import { Settings } from '@penstock/server/settings';

const image = { SCORER_IMAGE: 'penstock/scorer:1' };
const problem = (env: Record<string, string>): string => {
  try {
    parseConfig({ ...image, ...env });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('the settings of the operator', () => {
  it('have defaults for everything but the scorer image', () => {
    const config = parseConfig(image);
    expect(config).to.include({
      kubeconfig: undefined,
      namespace: 'penstock-system',
      identity: 'local',
      scorerImage: 'penstock/scorer:1',
      imagePullPolicy: 'IfNotPresent',
      clusterDomain: 'cluster.local',
      privateSources: true,
      httpPort: 8081,
      logLevel: 'info',
      workers: 8,
      metricsApi: 'auto',
      callTimeoutMs: 15_000,
      resyncMs: 600_000,
    });
    expect(config.watchNamespaces).to.deep.equal([]);
    expect(config.verification).to.deep.equal({});
    expect(config.networkAccess).to.deep.equal({
      operatorNamespace: 'penstock-system',
      metricsFrom: [],
      requestsFrom: [],
    });
    expect(Object.isFrozen(config)).to.equal(true);
  });

  it('VERIFICATION is the chart’s settings of verification Jobs', () => {
    const settings = { nodeSelector: { pool: 'jobs' } };
    expect(parseConfig({ ...image, VERIFICATION: JSON.stringify(settings) }).verification).to.deep.equal(settings);
    expect(problem({ VERIFICATION: '[]' })).to.contain('VERIFICATION must be JSON of an object');
  });

  it('are read from the environment', () => {
    const config = parseConfig({
      ...image,
      POD_NAMESPACE: 'ours',
      POD_NAME: 'operator-1',
      WATCH_NAMESPACES: 'a, b',
      SCORER_IMAGE_PULL_POLICY: 'Never',
      SCORER_IMAGE_PULL_SECRETS: 'pull',
      PRIVATE_SOURCES: 'false',
      NETWORK_ACCESS: '{"metricsFrom": [{"podSelector": {}}]}',
      METRICS_API: 'false',
      WORKERS: '2',
    });
    expect(config).to.include({ identity: 'operator-1', imagePullPolicy: 'Never', privateSources: false, workers: 2 });
    expect(config.watchNamespaces).to.deep.equal(['a', 'b']);
    expect(config.imagePullSecrets).to.deep.equal(['pull']);
    expect(config.networkAccess).to.deep.equal({
      operatorNamespace: 'ours',
      metricsFrom: [{ podSelector: {} }],
      requestsFrom: [],
    });
  });

  it('have no NetworkPolicies for null', () =>
    expect(parseConfig({ ...image, NETWORK_ACCESS: 'null' }).networkAccess).to.equal(undefined));

  const rows: [Record<string, string>, string][] = [
    [{ SCORER_IMAGE: '' }, 'SCORER_IMAGE is not set: it names the scorer image'],
    [{ WORKERS: '0' }, 'WORKERS must be a whole number above 0, not 0'],
    [{ METRICS_API: 'yes' }, 'METRICS_API must be one of auto, true, false, not yes'],
    [{ SCORER_IMAGE_PULL_POLICY: 'always' }, 'SCORER_IMAGE_PULL_POLICY must be one of Always, IfNotPresent, Never'],
    [{ NETWORK_ACCESS: '[]' }, 'NETWORK_ACCESS must be JSON of'],
    [{ NETWORK_ACCESS: '{' }, 'NETWORK_ACCESS is not JSON'],
  ];
  for (const [env, message] of rows)
    it(`are refused with ${JSON.stringify(env)}`, () => expect(problem(env)).to.contain(message));

  it('have one row each in the reference', () => {
    const settings = new Settings(image);
    readConfig(settings);
    expect(settings.variables.map(({ name }) => name)).to.have.members(Object.keys(OPERATOR_VARIABLES));
  });
});

describe('the settings of the activator', () => {
  it('need the address of the pod', () => {
    const settings = new Settings({ POD_IP: '10.0.0.1', WATCH_NAMESPACES: 'a' });
    expect(readActivatorConfig(settings)).to.deep.equal({
      kubeconfig: undefined,
      watchNamespaces: ['a'],
      httpPort: 8081,
      watchIdleMs: 150_000,
      logLevel: 'info',
      address: '10.0.0.1',
    });
    expect(() => settings.check()).not.to.throw();
    const none = new Settings({});
    readActivatorConfig(none);
    expect(() => none.check()).to.throw('POD_IP is not set');
  });

  it('have one row each in the reference', () => {
    const settings = new Settings({});
    readActivatorConfig(settings);
    expect(settings.variables.map(({ name }) => name)).to.have.members(Object.keys(ACTIVATOR_VARIABLES));
  });
});
