/** The serving certificate: what Go's TLS and ours accept, and a rotation during which both are trusted. */
import { expect } from 'chai';
import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { currentCertificate, type ServingCertificate } from '../../../../operator/metricsapi/certificate.ts';

const HOST = 'penstock-metrics.penstock-system.svc';
const DAY_MS = 86_400_000;
const now = Date.now();

describe('the certificate of the metrics API', () => {
  let first: ServingCertificate;
  before(async () => {
    first = await currentCertificate(undefined, HOST, now);
  });

  it('names our Service, is its own CA, and is good for 90 days', () => {
    const cert = new X509Certificate(first.cert);
    expect(cert.checkHost(HOST)).to.equal(HOST);
    expect(cert.verify(cert.publicKey)).to.equal(true);
    expect(cert.ca).to.equal(true);
    expect((cert.validToDate.getTime() - now) / DAY_MS).to.be.closeTo(90, 0.1);
  });

  it('a client that trusts this CA alone can connect', async () => {
    const server = createServer({ cert: first.cert, key: first.key }, (_, response) => response.end('ok')).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const status = await new Promise((resolve, reject) =>
      request(
        {
          host: '127.0.0.1',
          port: (server.address() as AddressInfo).port,
          ca: first.ca,
          servername: HOST,
          checkServerIdentity: (_, peer) =>
            new X509Certificate(peer.raw).checkHost(HOST) === undefined ? new Error('another host') : undefined,
        },
        (response) => resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end(),
    );
    server.close();
    expect(status).to.equal(200);
  });

  it('is kept until a month before it expires', async () => {
    expect(await currentCertificate(first, HOST, now + 59 * DAY_MS)).to.equal(first);
  });

  it('is then replaced, and both are trusted', async () => {
    const second = await currentCertificate(first, HOST, now + 61 * DAY_MS);
    expect(second.cert).not.to.equal(first.cert);
    expect(second.ca).to.contain(first.cert.trim()).and.to.contain(second.cert.trim());
    expect(await currentCertificate(second, HOST, now + 62 * DAY_MS), 'and that is that').to.equal(second);
  });

  for (const [says, broken] of [
    ['a Secret that was edited', { cert: 'nonsense', key: '', ca: '' }],
    ['one for another Service', undefined],
  ] as const) {
    it(`${says} is replaced`, async () => {
      const known = broken ?? (await currentCertificate(undefined, 'other.penstock-system.svc', now));
      expect(new X509Certificate((await currentCertificate(known, HOST, now)).cert).checkHost(HOST)).to.equal(HOST);
    });
  }
});
