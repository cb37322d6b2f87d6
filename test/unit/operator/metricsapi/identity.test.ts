/** The certificates of the metrics API in the cluster. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { KubeClient } from '@penstock/kube/client/client';
import { KubeError } from '@penstock/kube/client/errors';
import {
  keepCertificate,
  readCertificate,
  readIdentity,
  serviceHost,
} from '../../../../operator/metricsapi/identity.ts';

const service = { namespace: 'penstock-system', name: 'penstock-metrics' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
type Data = Record<string, string>;

/** A cluster with this Secret and this ConfigMap of the aggregator. */
function cluster(secret: Data | undefined, authentication: Data = {}) {
  const applied: (KubeObject & { data: Data; type: string })[] = [];
  const asked: string[] = [];
  const client = {
    get: (kind: { kind: string }, namespace: string, name: string) => {
      asked.push(`${kind.kind} ${namespace}/${name}`);
      if (kind.kind === 'ConfigMap') return Promise.resolve({ data: authentication });
      const stored = applied.at(-1)?.data ?? secret;
      return stored ? Promise.resolve({ data: stored }) : Promise.reject(new KubeError(404, 'NotFound', ''));
    },
    apply: (object: (typeof applied)[number]) => {
      applied.push(object);
      return Promise.resolve(object);
    },
  } as unknown as Pick<KubeClient, 'get' | 'apply'>;
  return { client, applied, asked };
}
const complete = { 'tls.crt': base64('cert'), 'tls.key': base64('key'), 'ca.crt': base64('ca') };

describe('the certificate of the metrics API', () => {
  it('is read from the Secret of the Service', async () => {
    const { client, asked } = cluster(complete);
    expect(await readCertificate(service, client)).to.deep.equal({ cert: 'cert', key: 'key', ca: 'ca' });
    expect(asked).to.deep.equal(['Secret penstock-system/penstock-metrics-tls']);
    expect(serviceHost(service)).to.equal('penstock-metrics.penstock-system.svc');
  });

  it('is undefined without the Secret, or with a part missing', async () => {
    expect(await readCertificate(service, cluster(undefined).client)).to.equal(undefined);
    for (const part of Object.keys(complete)) {
      const { client } = cluster({ ...complete, [part]: '' });
      expect(await readCertificate(service, client), part).to.equal(undefined);
    }
  });

  it('is created once, and kept', async () => {
    const { client, applied } = cluster(undefined);
    const now = Date.now();
    const created = await keepCertificate(service, client, now);
    expect(applied).to.have.length(1);
    expect(applied[0]).to.include({ kind: 'Secret', type: 'kubernetes.io/tls' });
    expect(await keepCertificate(service, client, now)).to.deep.equal(created);
    expect(applied).to.have.length(1);
  });

  it('is rotated before it expires', async () => {
    const { client, applied } = cluster(undefined);
    const now = Date.now();
    const first = await keepCertificate(service, client, now);
    const second = await keepCertificate(service, client, now + 80 * 86_400_000);
    expect(applied).to.have.length(2);
    expect(second.cert).not.to.equal(first.cert);
  });
});

describe('the identity of the metrics API', () => {
  const authentication = { 'requestheader-client-ca-file': 'front-proxy', 'requestheader-allowed-names': '["front"]' };

  it('trusts the front-proxy CA, and the names that may ask', async () => {
    const identity = await readIdentity(service, cluster(complete, authentication).client);
    expect(identity!.options).to.deep.equal({ ca: 'front-proxy', cert: 'cert', key: 'key' });
    expect([identity!.mayAsk('front'), identity!.mayAsk('other')]).to.deep.equal([true, false]);
  });

  it('lets every name ask where the cluster lists none', async () => {
    for (const names of ['[]', undefined]) {
      const { client } = cluster(complete, {
        'requestheader-client-ca-file': 'front-proxy',
        ...(names !== undefined && { 'requestheader-allowed-names': names }),
      });
      expect((await readIdentity(service, client))!.mayAsk('any')).to.equal(true);
    }
  });

  it('is undefined before there is a certificate', async () =>
    expect(await readIdentity(service, cluster(undefined, authentication).client)).to.equal(undefined));

  it('is an error in a cluster without aggregation', async () => {
    const error: unknown = await readIdentity(service, cluster(complete).client).catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain('requestheader-client-ca-file').and.contain('metricsApi.enabled=false');
  });
});
