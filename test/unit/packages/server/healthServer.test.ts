/** The server for the kubelet and Prometheus. */
import { errorBody } from '@penstock/server/errorBody';
import { healthServer } from '@penstock/server/healthServer';
import { expect } from 'chai';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';

describe('the server for health and metrics', () => {
  const state: { problem?: string; scrapes: number } = { scrapes: 0 };
  const registry = new Registry();
  const gauge = new Gauge({ name: 'a_gauge', help: 'A gauge.', registers: [registry] });
  const server = healthServer(
    {
      checks: { '/healthz': () => state.problem, '/startupz': () => Promise.resolve('init() has failed') },
      documents: { '/stats': () => ({ inFlight: 1 }) },
      registry,
      beforeScrape: () => gauge.set((state.scrapes += 1)),
    },
    { connections: 10, keepAliveMs: 1_000 },
  );
  let origin: string;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close().closeAllConnections());

  const get = async (path: string) => {
    const response = await fetch(origin + path);
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };

  it('answers a check with 200, or with 503 and the problem', async () => {
    expect(await get('/healthz')).to.deep.equal({ status: 200, type: 'text/plain', body: 'ok\n' });
    state.problem = 'no event for 700 s';
    expect(await get('/healthz?verbose')).to.deep.equal({
      status: 503,
      type: 'text/plain',
      body: 'no event for 700 s\n',
    });
  });

  it('answers a check that is a promise when it is resolved', async () => {
    expect(await get('/startupz')).to.deep.equal({ status: 503, type: 'text/plain', body: 'init() has failed\n' });
  });

  it('answers a document as JSON', async () =>
    expect(await get('/stats')).to.deep.equal({ status: 200, type: 'application/json', body: '{"inFlight":1}' }));

  it('sets gauges before each scrape', async () => {
    await get('/metrics');
    const { status, body } = await get('/metrics');
    expect([status, /^a_gauge (\d)$/m.exec(body)?.[1]]).to.deep.equal([200, '2']);
  });

  it('answers 404 to any other path', async () => {
    for (const path of ['/', '/healthz/x', '/constructor']) expect((await get(path)).status, path).to.equal(404);
  });
});

describe('the body of an error', () => {
  it('has the form of the path’s protocol', () => {
    expect(errorBody('/score', 'no')).to.equal('{"message":"no"}');
    expect(errorBody('/v2/models/a/infer', 'no')).to.equal('{"error":"no"}');
  });
});
