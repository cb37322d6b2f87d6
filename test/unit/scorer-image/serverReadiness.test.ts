/** Whether a server of the user's own can take requests. */
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerReadiness } from '../../../scorer-image/run/serverReadiness.ts';

describe('the readiness of a server', () => {
  let server: Server;
  let status: number;
  let asked: number;
  let readiness: ServerReadiness;
  beforeEach(async () => {
    [status, asked] = [200, 0];
    server = createServer((request, response) => {
      asked += 1;
      response.writeHead(request.url === '/live' ? status : 404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    readiness = new ServerReadiness({
      port: (server.address() as AddressInfo).port,
      path: '/',
      readinessPath: '/live',
    });
  });
  afterEach(() => {
    readiness.close();
    server.close();
  });
  const settled = (promise: Promise<void>): Promise<boolean> =>
    Promise.race([promise.then(() => true), sleep(500).then(() => false)]);

  it('is known by one request for all that wait', async () => {
    await Promise.all([readiness.ready(), readiness.ready(), readiness.ready()]);
    expect(asked).to.equal(1);
    expect([readiness.isLost, readiness.lostForMs]).to.deep.equal([false, 0]);
  });

  for (const [code, isReady] of [
    [204, true],
    [302, true],
    [404, false],
    [503, false],
  ] as const)
    it(`with status ${code} is ${isReady ? 'given' : 'not given'}`, async () => {
      status = code;
      expect(await settled(readiness.ready())).to.equal(isReady);
    });

  it('is lost from the first request without a response until the path answers', async () => {
    status = 503;
    const ready = readiness.lose();
    void readiness.lose();
    await sleep(300);
    expect(readiness.isLost).to.equal(true);
    expect(readiness.lostForMs).to.be.at.least(250);
    status = 200;
    await ready;
    expect([readiness.isLost, readiness.lostForMs]).to.deep.equal([false, 0]);
  });

  it('is asked for no more after close()', async () => {
    status = 503;
    void readiness.ready();
    await sleep(50);
    readiness.close();
    await sleep(100);
    const before = asked;
    await sleep(500);
    expect(asked).to.equal(before);
  });
});
