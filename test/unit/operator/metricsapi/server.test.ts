/** The metrics API over TLS: who may ask, and which pods are in an answer. */
import { expect } from 'chai';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { Agent, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Stored } from '@penstock/kube/api/objects';
import { currentCertificate, type ServingCertificate } from '../../../../operator/metricsapi/certificate.ts';
import { metricsServer } from '../../../../operator/metricsapi/server.ts';
import { Scorers } from '../../../../operator/scorers/stats.ts';

const HOST = 'penstock-metrics.penstock-system.svc';
const PATH = '/apis/custom.metrics.k8s.io/v1beta2';
const pod = (namespace: string, name: string): Stored<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, uid: `${namespace}/${name}`, labels: { app: name } },
  status: { phase: 'Running', podIP: '127.0.0.1' },
});
const stats = { revision: '', phase: 'Ready', inFlight: 0, concurrency: 2, requestsPerSecond: 1, idleSeconds: 0 };

/** A self-signed client certificate, which the server trusts as a certificate authority. */
async function clientCertificate(): Promise<{ cert: string; key: string }> {
  await import('reflect-metadata');
  const {
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    PemConverter,
    X509CertificateGenerator,
  } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=front-proxy-client',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: made.toString('pem'), key: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

describe('the server of the metrics API', () => {
  let server: Server;
  let agent: Agent;
  let mayAsk: boolean;
  before(async () => {
    const own: ServingCertificate = await currentCertificate(undefined, HOST, Date.now());
    const client = await clientCertificate();
    server = metricsServer({
      scorers: new Scorers(() => Promise.resolve(stats)),
      pods: () => [pod('a', 'one'), pod('a', 'two'), pod('b', 'one')],
      identity: { options: { cert: own.cert, key: own.key, ca: client.cert }, mayAsk: () => mayAsk },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    agent = new Agent({ keepAlive: true, ...client, ca: own.ca, servername: HOST });
  });
  beforeEach(() => (mayAsk = true));
  after(() => {
    agent.destroy();
    server.close();
  });

  const ask = (path: string, method = 'GET'): Promise<{ code: number; items: string[] }> =>
    new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      request({ host: '127.0.0.1', port, path, method, agent, checkServerIdentity: () => undefined }, (response) => {
        let text = '';
        response
          .on('data', (chunk: Buffer) => (text += chunk.toString()))
          .on('end', () => {
            const { items = [] } = JSON.parse(text) as {
              items?: { describedObject: { namespace: string; name: string } }[];
            };
            const names = items.map(({ describedObject: { namespace, name } }) => `${namespace}/${name}`);
            resolve({ code: response.statusCode ?? 0, items: names });
          });
      })
        .on('error', reject)
        .end();
    });

  it('answers with the pods of the namespace in the path only', async () =>
    expect(await ask(`${PATH}/namespaces/a/pods/*/penstock_concurrency`)).to.deep.equal({
      code: 200,
      items: ['a/one', 'a/two'],
    }));
  it('answers with the pods that the selector matches', async () =>
    expect((await ask(`${PATH}/namespaces/a/pods/*/penstock_concurrency?labelSelector=app%3Dtwo`)).items).to.deep.equal(
      ['a/two'],
    ));
  it('answers with one pod by its name', async () =>
    expect((await ask(`${PATH}/namespaces/b/pods/one/penstock_concurrency`)).items).to.deep.equal(['b/one']));

  const refused: [string, string, string, number][] = [
    ['a path that leads to another namespace', 'GET', `${PATH}/namespaces/a/../b/pods/*/penstock_concurrency`, 404],
    ['another metric', 'GET', `${PATH}/namespaces/a/pods/*/cpu`, 404],
    [
      'a selector that is not valid',
      'GET',
      `${PATH}/namespaces/a/pods/*/penstock_concurrency?labelSelector=%21%21`,
      400,
    ],
    ['a write', 'POST', PATH, 405],
  ];
  for (const [what, method, path, code] of refused)
    it(`${what}: ${code}`, async () => expect((await ask(path, method)).code).to.equal(code));

  it('another client than the API server: 403', async () => {
    mayAsk = false;
    expect((await ask(PATH)).code).to.equal(403);
  });

  it('100 reads one after the other are all answered', async () => {
    for (let i = 0; i < 100; i++)
      expect((await ask(`${PATH}/namespaces/a/pods/*/penstock_concurrency`)).code).to.equal(200);
  });
});
